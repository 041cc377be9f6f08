"""Bodies with secrets: encrypted with the customer's secret, or plain over a safe connection."""

from __future__ import annotations

import base64
import binascii

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from symjobs._entities import from_json
from symjobs._errors import InputError

_VECTOR = base64.b64decode("LzM5QUtXZXWHm7HJ4wAePg==")


def decrypted(body: bytes | bytearray, what: str, secret: str | None, *, is_safe: bool) -> bytes:
    """Return the JSON of a body.

    Parameters
    ----------
    body : bytes-like
        AES-128-CBC in Base64, that as a JSON string, or a plain JSON object.
    what : str
        What it is, for messages.
    secret : str or None
        The customer's, if requests are signed.
    is_safe : bool
        Whether nobody else reads the request, so that it may be plain.
    """
    text = bytes(body).strip()
    if text[:1] == b'"':
        text = from_json(text, str).encode()
    if text[:1] == b"{":
        if not is_safe:
            raise InputError(
                f"{what} is plain JSON, which is accepted over TLS or from the same machine only; encrypt it with "
                "your secret (AES-128-CBC)"
            )
        return text
    if not text:
        raise InputError(f"the request has no body; it must be {what}")
    if secret is None:
        raise InputError("requests are not signed here, so that nothing can be decrypted; send plain JSON")
    try:
        data = base64.b64decode(text, validate=True)
        decryptor = Cipher(algorithms.AES(base64.b64decode(secret)), modes.CBC(_VECTOR)).decryptor()
        padded = decryptor.update(data) + decryptor.finalize()
        remover = PKCS7(128).unpadder()
        return remover.update(padded) + remover.finalize()
    except (ValueError, binascii.Error):
        raise InputError(f"{what} does not decrypt: AES-128-CBC with your secret, in Base64") from None
