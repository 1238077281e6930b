#!/bin/sh
# Installs what Debian has of the optional real parts that tests can use:
# Distribution (docker-registry), the Docker engine with buildx, cosign, skopeo, oras, PostgreSQL,
# busybox, shellcheck, and a Python with pip for Hugging Face's own client. Needs root and Debian's apt. Idempotent. Never
# fails the caller for a part that is not to be had: it names the part, and the tests that need it report themselves as skipped.
set -u

say() { printf 'install: %s\n' "$*" >&2; }

[ "$(id -u)" = 0 ] || { say "not root: nothing installed"; exit 0; }
command -v apt-get >/dev/null 2>&1 || { say "no apt-get: nothing installed"; exit 0; }

export DEBIAN_FRONTEND=noninteractive
have() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'install ok installed'; }

# The newer suite holds the engine and the signing tools. Its mirror is the one this machine already uses.
newer=trixie
mirror() {
  {
    sed -n 's/^URIs:[[:space:]]*\([^[:space:]]*\).*/\1/p' /etc/apt/sources.list.d/*.sources 2>/dev/null
    sed -n 's/^deb[[:space:]]\(\[[^]]*\][[:space:]]*\)\{0,1\}\([^[:space:]]*\).*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null
  } | grep '/debian/\{0,1\}$' | head -n 1
}
add_newer() {
  [ -e "/etc/apt/sources.list.d/publisher-$newer.sources" ] && return 0
  uri=$(mirror)
  [ -n "$uri" ] || { say "no Debian mirror among this machine's apt sources"; return 1; }
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' "$uri" "$newer" \
    > "/etc/apt/sources.list.d/publisher-$newer.sources"
  printf 'Package: *\nPin: release n=%s\nPin-Priority: 100\n' "$newer" > "/etc/apt/preferences.d/publisher-$newer"
}

missing=''
for package in docker-registry busybox-static shellcheck postgresql util-linux iproute2 python3 python3-pip; do have "$package" || missing="$missing $package"; done
missing_newer=''
for package in docker.io docker-buildx cosign skopeo oras; do have "$package" || missing_newer="$missing_newer $package"; done
# Debian ships the client apart from the engine; some machines have one from elsewhere.
command -v docker >/dev/null 2>&1 || missing_newer="$missing_newer docker-cli"
[ -z "$missing$missing_newer" ] && { say "everything is there"; exit 0; }

[ -z "$missing_newer" ] || add_newer || missing_newer=''
apt-get update -qq >&2 || say "apt-get update failed; trying with the lists at hand"
# Services start only when a test asks for them.
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d
for package in $missing; do
  apt-get install -y -qq --no-install-recommends "$package" >&2 || say "could not install $package"
done
for package in $missing_newer; do
  apt-get install -y -qq --no-install-recommends -t "$newer" "$package" >&2 || say "could not install $package"
done
rm -f /usr/sbin/policy-rc.d
exit 0
