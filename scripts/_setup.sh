# Shared by scripts/test and scripts/demo: everything a fresh machine needs, once.
#
#   source scripts/_setup.sh
#   limelight_setup test,docs      # extras of pyproject.toml
#
# Leaves `root` (the checkout) and `bin` (the environment's programs), and changes to `root`.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
venv="${LIMELIGHT_VENV:-$root/.venv}"
bin="$venv/bin"

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# What Qt, OpenGL and the virtual screen need on Debian and Ubuntu.
debian_packages=(
    libgl1 libegl1 libgl1-mesa-dri libglx-mesa0 libopengl0 libxkbcommon-x11-0 libxcb-cursor0
    libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0
    libxcb-xinerama0 libxcb-xkb1 libdbus-1-3 libfontconfig1
)
# The same by file name, for other distributions.
shared_libraries=(
    libGL.so.1 libEGL.so.1 libOpenGL.so.0 libxkbcommon-x11.so.0 libxcb-cursor.so.0
    libxcb-icccm.so.4 libxcb-image.so.0 libxcb-keysyms.so.1 libxcb-randr.so.0
    libxcb-render-util.so.0 libxcb-shape.so.0 libxcb-xinerama.so.0 libxcb-xkb.so.1 libdbus-1.so.3
    libfontconfig.so.1
)

# On Linux: install, or name, what pip cannot bring.  Argument "screen": a virtual one as well.
system_libraries() {
    [ "$(uname -s)" = Linux ] || return 0
    local missing=() name known
    if command -v dpkg-query >/dev/null; then
        local wanted=("${debian_packages[@]}")
        [ "${1:-}" = screen ] && wanted+=(xvfb xauth)
        for name in "${wanted[@]}"; do
            # "libxyz0" is "libxyz0t64" on newer releases.
            known="$(dpkg-query -W -f '${db:Status-Status} ' "$name" "${name}t64" 2>/dev/null || true)"
            [[ " $known" == *" installed "* ]] || missing+=("$name")
        done
        [ ${#missing[@]} -gt 0 ] || return 0
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            say "Installing system libraries: ${missing[*]}"
            export DEBIAN_FRONTEND=noninteractive
            apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null </dev/null ||
                { apt-get update -qq </dev/null &&
                    apt-get install -qq -y --no-install-recommends "${missing[@]}" </dev/null; } ||
                fail "These system libraries could not be installed: ${missing[*]}"
            return 0
        fi
        fail "napari's window needs system libraries that are missing: ${missing[*]}" \
            "Install them once with: sudo apt-get install ${missing[*]}"
    fi
    known="$( (ldconfig -p || /sbin/ldconfig -p) 2>/dev/null || true)"
    if [ -n "$known" ]; then
        for name in "${shared_libraries[@]}"; do
            grep -qF "$name" <<<"$known" || missing+=("$name")
        done
    fi
    if [ "${1:-}" = screen ] && ! command -v xvfb-run >/dev/null; then
        missing+=(xvfb-run)
    fi
    [ ${#missing[@]} -eq 0 ] ||
        fail "napari's window needs system libraries that are missing: ${missing[*]}" \
            "Install the packages that hold them with your system's package manager" \
            "(Fedora: dnf install '*/libGL.so.1' and so on; xvfb-run is in xorg-x11-server-Xvfb)."
}

# Print a Python that is new enough.
find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 python; do
        [ -n "$candidate" ] && command -v "$candidate" >/dev/null || continue
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null &&
            { echo "$candidate"; return 0; }
    done
    return 1
}

has_uv() { command -v uv >/dev/null && uv --version >/dev/null 2>&1; }

make_environment() {
    [ -x "$bin/python" ] && "$bin/python" -c '' 2>/dev/null && return 0
    say "Making the environment $venv"
    local python
    if python="$(find_python)" && "$python" -m venv --clear "$venv" >/dev/null 2>&1; then
        return 0
    fi
    if has_uv; then
        uv venv --quiet --clear --python '>=3.11' "$venv" && return 0
    fi
    if [ -n "${python:-}" ]; then
        fail "$python cannot make a virtual environment." \
            "On Debian and Ubuntu: sudo apt-get install python3-venv"
    fi
    fail "Limelight needs Python 3.11 or newer, and none was found." \
        "Get it from https://www.python.org/downloads, or set PYTHON to its path."
}

install_package() {
    if has_uv && uv pip install --quiet --python "$bin/python" --editable ".[$1]" </dev/null; then
        return 0
    fi
    "$bin/python" -m pip --version >/dev/null 2>&1 || "$bin/python" -m ensurepip >/dev/null
    "$bin/python" -m pip install --quiet --disable-pip-version-check --editable ".[$1]" </dev/null
}

# The second run is quick: nothing is installed while this fingerprint stays the same.
fingerprint() {
    "$bin/python" - "$1" <<'PYTHON'
import hashlib, pathlib, sys
parts = [sys.argv[1], sys.version, str(pathlib.Path.cwd())]
parts += [pathlib.Path(name).read_text("utf-8") for name in ("pyproject.toml", "hatch_build.py")]
print(hashlib.sha256("\0".join(parts).encode()).hexdigest())
PYTHON
}

limelight_setup() {
    local extras="$1" stamp print
    cd "$root"
    make_environment
    stamp="$venv/.limelight-${extras//,/-}"
    print="$(fingerprint "$extras")"
    if [ -e src/limelight/napari.yaml ] && [ "$(cat "$stamp" 2>/dev/null || true)" = "$print" ]; then
        return 0
    fi
    say "Installing Limelight with [$extras]; this takes a few minutes the first time"
    install_package "$extras" || fail "The installation failed; the reason stands above."
    printf '%s\n' "$print" >"$stamp"
}
