#!/usr/bin/env bash
# Installs the real peers that the flow tests drive. What cannot be had is said here, and the tests
# that need it are named as skipped at the end of the run (a failure when CI=true).
set -u
cd "$(dirname "$0")/.." || exit 1
export PATH=$PATH:/usr/sbin

say() { printf '%s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

wanted=()
have chromium || have chromium-browser || have google-chrome || wanted+=(chromium)
# apache2-bin is the server without the service that would take port 80.
have apache2 || wanted+=(apache2-bin)
[ -e /usr/lib/apache2/modules/mod_auth_openidc.so ] || wanted+=(libapache2-mod-auth-openidc)
have node || wanted+=(nodejs)
have npm || wanted+=(npm)

if [ ${#wanted[@]} -gt 0 ]; then
    as_root=
    [ "$(id -u)" = 0 ] || as_root="sudo -n"
    if have apt-get && $as_root true 2>/dev/null; then
        say "installing by apt: ${wanted[*]}"
        log=$(mktemp)
        {
            $as_root apt-get update -qq
            $as_root env DEBIAN_FRONTEND=noninteractive \
                apt-get install -y -qq --no-install-recommends "${wanted[@]}"
        } >"$log" 2>&1 || { say "apt could not install all of it:"; tail -n 5 "$log" >&2; }
        rm -f "$log"
    else
        say "not installed, as this is no Debian or the rights are missing: ${wanted[*]}"
    fi
fi

client=tests/flows/peers/openid_client
if have npm; then
    if [ ! -e $client/node_modules/.stamp ] || [ $client/package-lock.json -nt $client/node_modules/.stamp ]; then
        (cd $client && npm ci --silent --no-audit --no-fund) && touch $client/node_modules/.stamp ||
            say "npm could not install openid-client"
    fi
fi
exit 0
