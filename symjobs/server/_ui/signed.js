// Signed requests (contract, section 7), with the browser's own cryptography. The secret stays in this tab.

const bytes = (text) => new TextEncoder().encode(text);
const unbase64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const base64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)));

export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

export class Client {
  constructor(user, secret) {
    this.user = user;
    this.secret = secret.trim();
    this.root = location.pathname.replace(/\/ui\/.*$/, "");
  }

  async #headers(method, path, query, body) {
    const now = new Date();
    const date = now.toISOString().slice(0, 19).replace("T", " ") + ";" + String(now.getUTCMilliseconds() * 1e6);
    // WebCrypto has no MD5: its line stays empty, as no Content-MD5 is sent.
    const lines = [method, "", this.secret, date, this.user, ...(body ? [body] : []), path, ...(query ? [query] : [])];
    const key = await crypto.subtle.importKey("raw", unbase64(this.secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    const mac = await crypto.subtle.sign("HMAC", key, bytes(lines.map((line) => line + "\n").join("")));
    return { "sym-date": date, Authorization: base64(mac), ...(body ? { "Content-Type": "application/json" } : {}) };
  }

  // Returns the status, the status string and the values; throws Refused for 400 and above, unless `any`.
  async ask(method, path, { query = {}, body = null, any = false } = {}) {
    const url = `${this.root}/symetry/rest/${encodeURIComponent(this.user)}${path}`;
    const search = new URLSearchParams(query).toString();
    const text = body === null ? "" : JSON.stringify(body);
    const headers = await this.#headers(method, url, search, text);
    const answer = await fetch(url + (search ? "?" + search : ""), { method, headers, body: text || undefined, cache: "no-store" });
    const envelope = await answer.json();
    if (answer.status >= 400 && !any) throw new Refused(answer.status, envelope.statusString);
    return { status: answer.status, text: envelope.statusString, values: envelope.values, job: answer.headers.get("sym-job-id") };
  }
}
