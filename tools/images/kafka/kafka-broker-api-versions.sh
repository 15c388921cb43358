#!/bin/bash
# For the health check in docker-compose.yml: does a broker answer the question which versions it
# speaks (ApiVersions, key 18, version 0; KIP-35)? Without a JVM, so it may be asked often.
#   kafka-broker-api-versions.sh --bootstrap-server HOST:PORT
set -euo pipefail
exec 3<>"/dev/tcp/${2%:*}/${2##*:}"
printf '\0\0\0\x0a\0\x12\0\0\0\0\0\x01\xff\xff' >&3
answer="$(timeout 5 head -c 10 <&3 | od -An -tx1 | tr -d ' \n')"
# size, the correlation id that was sent, no error
[ "${answer:8:12}" = 000000010000 ] && echo "$2 answers"
