#!/usr/bin/env bash
# Sends one signed request with curl and openssl; the headers go to standard error:
#     SYMJOBS_USER=c1 SYMJOBS_SECRET=... bash sign.sh GET /jobs/1 [BODY-FILE]
set -euo pipefail
method=$1 file=${3:-}
url=${SYMJOBS_URL:-http://127.0.0.1:8000}
path=/symetry/rest/$SYMJOBS_USER${2%%\?*}
query=""
[[ $2 == *\?* ]] && query=${2#*\?}
date=$(date -u '+%Y-%m-%d %H:%M:%S;%N')
key=$(base64 -d <<<"$SYMJOBS_SECRET" | od -An -v -tx1 | tr -d ' \n')
md5=""
[[ -n $file ]] && md5=$(openssl dgst -md5 -binary "$file" | base64)
signature=$({
    printf '%s\n' "$method" "$md5" "$SYMJOBS_SECRET" "$date" "$SYMJOBS_USER"
    [[ -n $file ]] && cat "$file" && echo
    echo "$path"
    [[ -n $query ]] && echo "$query"
    true
} | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64)
curl -sS -w '\n' -D /dev/stderr -X "$method" "$url$path${query:+?$query}" -H "sym-date: $date" -H "Authorization: $signature" \
    ${file:+-H "Content-MD5: $md5" -H 'Content-Type: application/json' --data-binary "@$file"}
