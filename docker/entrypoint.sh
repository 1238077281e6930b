#!/bin/sh
# Starts the engine of a model image: finds (fat) or downloads (slim) the weights, then becomes the engine.
#
#   no arguments, or the image's own   the engine with serve-args
#   the first one starts with "-"      the engine with serve-args, then these
#   anything else                      that command instead, untouched
#
# With MODEL_IMAGE_CHECK=1 it only examines the image: no download, no weights needed, no network. One line of JSON on standard output
# says what it is and where the engine's program lies; arguments that start with "-" are then given to that program alone
# (`--version`), others are run as a command.
#
# /etc/model-image holds image.conf (key=value), files.json (one file per line) and serve-args (one per line).
# <root> is image.conf's root. What slim keeps there, for <root>/<short>:
#
#   <short>              the model; .model-image inside (revision, list, file names) says that it is complete
#   .<short>.partial     the download under way; kept when interrupted, renamed to <short> when every hash is right
#                        (.stale: one that was meant for another list; what fits is taken over, the rest deleted)
#   .<short>.old         the previous revision between the two renames of the swap; then deleted
#   .<short>.lock[.d]    the lock: flock where there is one, else a directory whose "beat" file must keep changing
#   <short>.foreign-<n>  what was in <short> and is not ours: moved aside, never deleted
#
# Environment: HF_TOKEN (or HUGGING_FACE_HUB_TOKEN), HF_ENDPOINT, HF_HOME; MODEL_IMAGE_PREFETCH=1 downloads, verifies and
# exits 0; MODEL_IMAGE_LOCK_STALE is the silence, in seconds, after which a lock directory's holder is dead (30);
# MODEL_IMAGE_RETRY_DELAY is the pause, in seconds, before a failed download is tried again (3); MODEL_IMAGE_ETC and
# MODEL_IMAGE_LICENSES replace /etc/model-image and /licenses in tests.
#
# Exit status: 1 no usable model (or, when it only examines, image), 2 wrong usage, 127 no engine, 128+n stopped by signal n; else the engine's own.
set -u

etc=${MODEL_IMAGE_ETC:-/etc/model-image}
list_file=$etc/files.json
licenses=${MODEL_IMAGE_LICENSES:-/licenses}
stale=${MODEL_IMAGE_LOCK_STALE:-30}
retry_delay=${MODEL_IMAGE_RETRY_DELAY:-3}
endpoint=${HF_ENDPOINT:-https://huggingface.co}
endpoint=${endpoint%/}
margin=1048576
attempts=3
all_attempts=50
batch_size=16
marker=.model-image
tab=$(printf '\t')
newline='
'

work='' child='' last_child='' starting='' watcher='' lock='' token=''

say() { printf 'model-image: %s\n' "$*" >&2; }

die() {
  say "error: $*"
  exit 1
}

# ---------------------------------------------------------------- what the image says about itself

conf_error() { die "$etc/image.conf: $1; this image was not built correctly"; }

read_conf() {
  format='' variant='' engine='' id='' short='' revision='' root='' list='' conf_hf_home=''
  [ -r "$etc/image.conf" ] || die "$etc/image.conf cannot be read"
  while IFS= read -r line || [ -n "$line" ]; do
    value=${line#*=}
    case $line in
      format=*) format=$value ;;
      variant=*) variant=$value ;;
      engine=*) engine=$value ;;
      id=*) id=$value ;;
      short=*) short=$value ;;
      revision=*) revision=$value ;;
      root=*) root=$value ;;
      list=*) list=$value ;;
      hf_home=*) conf_hf_home=$value ;;
    esac
  done <"$etc/image.conf"
  [ "$format" = 1 ] || conf_error "format is '$format', not 1"
  case $variant in slim | fat) ;; *) conf_error "unknown variant '$variant'" ;; esac
  case $engine in vllm | sglang | llamacpp) ;; *) conf_error "unknown engine '$engine'" ;; esac
  case $id in */*/* | -* | /* | */ | *[!a-zA-Z0-9._/-]* | '') conf_error "id '$id' is not a model's" ;; esac
  case $short in .* | -* | *[!a-zA-Z0-9._-]* | '') conf_error "short '$short' is not a folder name" ;; esac
  case $root in /*) ;; *) conf_error "root '$root' is not an absolute path" ;; esac
  is_hex 40 "$revision" || conf_error "revision '$revision' is not a commit"
  is_hex 64 "$list" || conf_error "list '$list' is not a sha256"
  [ "$root" = / ] || root=${root%/}
  target=$root/$short
  partial=$root/.$short.partial
  old=$root/.$short.old
}

is_hex() {
  case $2 in *[!0123456789abcdef]* | '') return 1 ;; esac
  [ "${#2}" -eq "$1" ]
}

# ---------------------------------------------------------------- files.json

entry_open='{"path":"'
entry_size='","size":'
entry_sha256='"sha256":"'
entry_oid='"oid":"'
entry_close='"}'

# Sets f_path from the inside of a JSON string; only \" and \\ are written by the builder.
unescape() {
  f_path='' left=$1
  while :; do
    head=${left%%\\*}
    case $head in *'"'*) return 1 ;; esac
    f_path=$f_path$head
    [ "$head" = "$left" ] && return 0
    left=${left#*\\}
    case $left in
      '"'*) f_path=$f_path'"' ;;
      \\*) f_path=$f_path\\ ;;
      *) return 1 ;;
    esac
    left=${left#?}
  done
}

# Sets f_path, f_size, f_algo, f_digest from one line of the list. In an escaped path every quote follows a backslash, so
# `","size":` can only be its end.
parse_entry() {
  case $1 in "$entry_open"*"$entry_size"*"$entry_close") ;; *) return 1 ;; esac
  rest=${1#"$entry_open"}
  unescape "${rest%%"$entry_size"*}" || return 1
  rest=${rest#*"$entry_size"}
  f_size=${rest%%,*}
  rest=${rest#*,}
  f_digest=${rest%"$entry_close"}
  case $rest in
    "$entry_sha256"*) f_algo=sha256 f_digest=${f_digest#"$entry_sha256"} f_length=64 ;;
    "$entry_oid"*) f_algo=oid f_digest=${f_digest#"$entry_oid"} f_length=40 ;;
    *) return 1 ;;
  esac
  is_hex "$f_length" "$f_digest" || return 1
  case $f_size in 0) ;; 0* | *[!0123456789]* | '') return 1 ;; esac
  [ "${#f_size}" -le 18 ] || return 1
  case /$f_path/ in
    *[[:cntrl:]]* | *//* | */./* | */../* | "/$marker"* | /.cache/huggingface/*) return 1 ;;
  esac
}

list_error() { die "$list_file, line $f_line: $1; this image was not built correctly"; }

# Runs $1 (a function) for every listed file with f_path, f_size, f_algo, f_digest set; stops at its first failure and returns it.
# A list that cannot be read to its end is an error, never a shorter list.
each_file() {
  [ -r "$list_file" ] || die "$list_file cannot be read"
  f_line=0 f_state='head'
  while IFS= read -r f_text <&8 || [ -n "$f_text" ]; do
    f_line=$((f_line + 1))
    case $f_state in
      head)
        [ "$f_text" = "{\"model\":\"$id\",\"revision\":\"$revision\",\"files\":[" ] ||
          list_error "is not the head of $id at $revision"
        f_state='more'
        ;;
      more)
        case $f_text in
          *,) f_text=${f_text%,} ;;
          *) f_state='last' ;;
        esac
        parse_entry "$f_text" || list_error "is not a file with path, size and hash"
        "$1" || return
        ;;
      last)
        [ "$f_text" = ']}' ] || list_error "is not the end of the list"
        f_state='end'
        ;;
      end) list_error "follows the end of the list" ;;
    esac
  done 8<"$list_file"
  [ "$f_state" = end ] || list_error "is the last one, but the list does not end there"
}

# ---------------------------------------------------------------- small tools

size_of() { stat -L -c %s "$1" 2>/dev/null || wc -c 2>/dev/null <"$1" | tr -d ' '; }

human() {
  if [ "$1" -ge 1000000000 ]; then
    printf '%s.%s GB' $(($1 / 1000000000)) $(($1 % 1000000000 / 100000000))
  elif [ "$1" -ge 1000000 ]; then
    printf '%s.%s MB' $(($1 / 1000000)) $(($1 % 1000000 / 100000))
  else
    printf '%s.%s kB' $(($1 / 1000)) $(($1 % 1000 / 100))
  fi
}

is_there() { [ -e "$1" ] || [ -L "$1" ]; }

# `test -w` is not enough: some shells tell root that a read-only file system is writable.
can_write() { [ -d "$1" ] && probe=$(mktemp -d "$1/.model-image.XXXXXX" 2>/dev/null) && rmdir "$probe"; }

# Runs a command that may take long as a child, so that a signal is answered at once. The child does not hold the lock. What needs a
# redirection is a with_ function that ends in `exec`: here it would swallow what a trap says.
run_child() {
  starting=yes
  "$@" 9>&- &
  child=$! last_child=$! starting=''
  [ -z "$work" ] || echo "$child" >"$work/child"
  wait "$child"
  child_status=$?
  child=''
  [ -z "$work" ] || true >"$work/child"
  return "$child_status"
}

nap() { run_child sleep "$1"; }

stop_child() {
  # A signal may come when the child has been made and its number not yet been noted.
  if [ -n "$starting" ]; then
    set +u
    [ "$!" = "$last_child" ] || [ "$!" = "$watcher" ] || child=$!
  fi
  [ -n "$child" ] || return 0
  kill -TERM "$child" 2>/dev/null
  tries=0
  while kill -0 "$child" 2>/dev/null && [ "$tries" -lt 20 ]; do
    tries=$((tries + 1))
    sleep 0.1 2>/dev/null || sleep 1
  done
  kill -KILL "$child" 2>/dev/null
  child=''
}

cleanup() {
  stop_child
  stop_watch
  unlock
  [ -z "$work" ] || rm -rf "$work"
  work=''
}

stopped() {
  trap '' TERM INT HUP
  if [ -n "$work" ] && [ -e "$work/lost" ]; then
    lost_lock
  fi
  say "stopped by a signal; what is downloaded so far is kept"
  exit "$1"
}

make_work() {
  work=$(mktemp -d "${TMPDIR:-/tmp}/model-image.XXXXXX" 2>/dev/null) || work=$(mktemp -d /tmp/model-image.XXXXXX 2>/dev/null) ||
    { work='' && die "cannot write to /tmp as uid $(id -u): mount one there (--tmpfs /tmp)"; }
  true >"$work/child"
}

# ---------------------------------------------------------------- is a folder what the list says?

# Only what costs nothing at every start: presence and sizes. Hashes were verified before the marker was written.
check_present() {
  if [ ! -f "$folder/$f_path" ]; then
    why="$f_path is missing"
    return 1
  fi
  f_found=$(size_of "$folder/$f_path")
  [ "$f_found" = "$f_size" ] && return 0
  why="$f_path has $f_found bytes instead of $f_size"
  return 1
}

has_marker() { [ -f "$1/$marker" ]; }

# 0 when the folder holds this revision of this list, else `why` says why not.
is_complete() {
  folder=$1
  if ! has_marker "$folder"; then
    why='it has not been downloaded here'
    return 1
  fi
  marked=''
  while IFS= read -r line; do
    case $line in
      "revision=$revision" | "list=$list") marked=x$marked ;;
      file=*) break ;;
    esac
  done <"$folder/$marker"
  if [ "$marked" != xx ]; then
    why='it holds another revision'
    return 1
  fi
  each_file check_present
}

# ---------------------------------------------------------------- the lock

# The watcher lives beside a download: it keeps the lock directory's heart beating, tells how far the download is, and
# outlives a killed parent just long enough to stop the orphaned downloader.
watch() {
  exec 9>&-
  trap 'kill "$napping" 2>/dev/null; wait "$napping" 2>/dev/null; exit 0' TERM
  napping='' beats=0
  while kill -0 "$$" 2>/dev/null; do
    if [ "$lock" = directory ]; then
      if ! still_ours; then
        true >"$work/lost"
        kill -TERM "$$"
        kill_orphan
        exit 0
      fi
      beat
    fi
    beats=$((beats + 1))
    [ $((beats % 30)) -ne 0 ] || progress
    sleep 1 &
    napping=$!
    wait "$napping"
  done
  kill_orphan
  rm -rf "$work"
}

kill_orphan() { { read -r orphan <"$work/child" && kill -KILL "$orphan"; } 2>/dev/null; }

progress() {
  so_far=$(du -sk "$partial" 2>/dev/null) || return 0
  say "... $(human $((${so_far%%[!0123456789]*} * 1024))) of $(human "$total") are in $partial"
}

add_size() { total=$((total + f_size)); }

start_watch() {
  total=0
  each_file add_size
  watch &
  watcher=$!
}

stop_watch() {
  [ -n "$watcher" ] || return 0
  kill -TERM "$watcher" 2>/dev/null
  wait "$watcher" 2>/dev/null
  watcher=''
}

beat() { echo "$generation ${work##*.} $beats" 2>/dev/null >"$lock_dir/beat"; }

still_ours() {
  [ -d "$lock_dir" ] && [ ! -d "$lock_dir/takeover-$((generation + 1))" ] || return 1
  last_beat=''
  { read -r last_beat <"$lock_dir/beat"; } 2>/dev/null
  case $last_beat in "$generation ${work##*.} "* | '') return 0 ;; esac # empty: the disk may be full
  return 1
}

lost_lock() {
  lock=''
  die "another replica took the lock of $target, because this one was silent for too long; start again to wait for it"
}

announce_wait() {
  [ -n "$waiting" ] || say "another replica is downloading $id into $target; waiting for it"
  waiting=yes
}

take_lock() {
  waiting='' took_over=''
  lock_dir=$root/.$short.lock.d
  if command -v flock >/dev/null 2>&1 && take_flock; then
    lock=flock
  else
    take_directory
    lock=directory
  fi
}

take_flock() {
  lock_path=$root/.$short.lock
  # Another UID may have made the file; a read-only descriptor can be locked as well.
  if (true >>"$lock_path") 2>/dev/null; then
    exec 9>>"$lock_path"
  elif [ -r "$lock_path" ]; then
    exec 9<"$lock_path"
  else
    return 1
  fi
  flock -n 9 2>/dev/null
  case $? in
    0) return 0 ;;
    1)
      announce_wait
      # Not through run_child: this child must share the descriptor, for the lock stays with it.
      starting=yes
      flock 9 &
      child=$! last_child=$! starting=''
      wait "$child" && child='' && return 0
      child=''
      ;;
  esac
  exec 9>&-
  return 1
}

# A lock directory is made by one `mkdir`. It is never removed by a waiter: the one whose `mkdir takeover-<n>` inside it succeeds
# becomes its n-th owner. "Dead" means that the beat did not change while the waiter watched for `stale` seconds of its own time, so
# clocks and process numbers of other hosts do not matter.
take_directory() {
  quiet=0 seen='' beats=0
  while :; do
    generation=0
    mkdir "$lock_dir" 2>/dev/null && break
    while [ -d "$lock_dir/takeover-$((generation + 1))" ]; do generation=$((generation + 1)); done
    sign="$generation $(cat "$lock_dir/beat" 2>/dev/null)"
    if [ "$sign" = "$seen" ]; then quiet=$((quiet + 1)); else quiet=0 seen=$sign; fi
    if [ "$quiet" -ge "$stale" ] && mkdir "$lock_dir/takeover-$((generation + 1))" 2>/dev/null; then
      if [ "$(cat "$lock_dir/beat" 2>/dev/null)" = "${seen#* }" ]; then
        say "the replica that was downloading is silent for $stale s; taking over"
        generation=$((generation + 1)) took_over=yes
        break
      fi
      # It is another lock by now, and its holder is alive.
      rmdir "$lock_dir/takeover-$((generation + 1))" 2>/dev/null
    fi
    announce_wait
    nap 1
  done
  beat
}

unlock() {
  case $lock in
    flock) exec 9>&- ;;
    directory)
      if still_ours; then
        mv "$lock_dir" "$lock_dir.${work##*.}" 2>/dev/null && rm -rf "$lock_dir.${work##*.}"
      fi
      ;;
  esac
  lock=''
}

# ---------------------------------------------------------------- hashes

with_sha256sum() { exec sha256sum "$1" >"$work/sum" 2>&1; }

# 0 when the file at $1 is f_size bytes with f_digest, else `why` says what was expected and got.
verify() {
  if [ ! -f "$1" ]; then
    why="$f_path was not delivered"
    return 1
  fi
  found=$(size_of "$1")
  if [ "$found" != "$f_size" ]; then
    why="$f_path: expected $f_size bytes, got $found"
    return 1
  fi
  if [ "$f_algo" = sha256 ]; then
    run_child with_sha256sum "$1"
  else
    { printf 'blob %s\0' "$f_size" && cat "$1"; } | sha1sum >"$work/sum" 2>&1
  fi
  read -r sum _ <"$work/sum" || sum=''
  sum=${sum#\\} # so sha256sum marks a name that it had to escape
  is_hex "${#f_digest}" "$sum" || die "cannot compute the hash of $1: $(cat "$work/sum")"
  [ "$sum" = "$f_digest" ] && return 0
  why="$f_path: expected $f_algo $f_digest, got $sum"
  return 1
}

# ---------------------------------------------------------------- download

choose_downloader() {
  for downloader in hf curl wget; do
    command -v "$downloader" >/dev/null 2>&1 && break
    downloader=''
  done
  case $downloader in
    '') die "this image has no downloader: one of hf, curl or wget is needed to fetch $id" ;;
    wget) [ -z "$token" ] || say "only wget is here, which would show the token to other hosts: downloading without it" ;;
  esac
  # Half files of hf's own are of no use to the others.
  [ "$downloader" = hf ] || rm -rf "$partial/.cache/huggingface"
}

# Percent-encodes every byte of a path but the unreserved ones and "/" (RFC 3986).
encode() {
  case $1 in
    *[!abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~/-]*) ;;
    *)
      printf %s "$1"
      return
      ;;
  esac
  for byte in $(printf %s "$1" | od -An -v -tx1); do
    case $byte in
      2d | 2e | 2f | 3[0-9] | 4[1-9a-f] | 5[0-9a] | 5f | 6[1-9a-f] | 7[0-9a] | 7e)
        # shellcheck disable=SC2059 # the format is the byte, as an octal escape
        printf "\\$(printf %o "0x$byte")"
        ;;
      *) printf '%%%s' "$byte" ;;
    esac
  done
}

# Each of these becomes a downloader that fetches the paths given into $partial; for run_child only, since they end in `exec`.
# The words go to $work/log and, from curl, the last status to $work/status.

with_hf() {
  exec >"$work/status" 2>"$work/log"
  export HF_HOME HF_HUB_DISABLE_PROGRESS_BARS=1 HF_HUB_DISABLE_TELEMETRY=1 HF_HUB_DISABLE_UPDATE_CHECK=1 NO_COLOR=1
  # The only place where the token enters an environment: this child's.
  # shellcheck disable=SC2030
  [ -z "$token" ] || export HF_TOKEN="$token"
  # A second attempt leaves Xet out: it stalls on some networks where plain HTTP does not.
  [ "$attempt" -eq 1 ] || export HF_HUB_DISABLE_XET=1
  case $1 in
    # hf reads several names as patterns and a dash as an option; such names come here one at a time.
    -*) exec hf download --revision "$revision" --local-dir "$partial" -- "$id" "$1" ;;
  esac
  exec hf download "$id" "$@" --revision "$revision" --local-dir "$partial"
}

with_curl() {
  exec >"$work/status" 2>"$work/log"
  case $endpoint in https://*) protocols='=https' ;; *) protocols='=http,https' ;; esac
  set -- "$partial/$1" "$endpoint/$id/resolve/$revision/$(encode "$1")"
  set -- -fsSL --proto "$protocols" --connect-timeout 30 --speed-limit 1000 --speed-time 60 -w '%{http_code} %{url_effective}' -C - -o "$@"
  # The header comes through stdin, so the token is in no argument list; curl keeps it from other hosts.
  if [ -n "$token" ]; then
    exec curl --config - "$@" <<EOF
header = "Authorization: Bearer $token"
EOF
  fi
  exec curl "$@"
}

with_wget() {
  exec >"$work/status" 2>"$work/log"
  case $(wget --version 2>&1) in *GNU*) set -- "$1" -nv -t 1 -T 60 ;; esac # busybox knows little more than -c and -O
  wget_path=$1
  shift
  exec wget "$@" -c -O "$partial/$wget_path" "$endpoint/$id/resolve/$revision/$(encode "$wget_path")"
}

said() { grep -Eiq "$1" "$work/log" 2>/dev/null; }

# Did the Hub answer with this status? From curl it is known, also whether it was the Hub's or a content host's (an expired
# address is no denial); from the others it is a number standing by itself, not part of a name or a hash.
said_status() {
  [ "$downloader" = curl ] || { said "(^|[^[:alnum:]_./-])$1([^[:alnum:]_./-]|\$)"; return; }
  case $(cat "$work/status") in "$1 $endpoint/"*) return 0 ;; esac
  return 1
}

# The downloader's last words, without a token, without the query of a signed address.
last_words() {
  tail -n 5 "$work/log" 2>/dev/null | sed 's/?[^ ]*/?.../g' | while IFS= read -r line || [ -n "$line" ]; do
    if [ -n "$token" ]; then
      case $line in *"$token"*) line='(a line with the token is left out)' ;; esac
    fi
    say "$downloader: $line"
  done
}

# Whole phrases: a model's own name may hold any word.
denied_words='GatedRepo|gated repo|requires approval|model [^ ]* is restricted|RepositoryNotFound|repo is private|Authentication Failed'
missing_words='EntryNotFound|RevisionNotFound|(Entry|Revision|File) not found'
full_words='no space left|disk quota|not enough (free )?(disk )?space|ENOSPC'

die_full() {
  last_words
  free_space
  die "no space left under $root while downloading $id (${available:-unknown} bytes free). What is there is kept in" \
    "$partial: free some space or mount a larger volume, then start again"
}

# Ends the start when another attempt cannot help.
explain_final() {
  if [ "$downloader $downloader_status" = 'curl 23' ] || said "$full_words"; then
    die_full
  fi
  if said_status 401 || said_status 403 || said "$denied_words"; then
    last_words
    if [ "$downloader" = wget ] && [ -n "$token" ]; then
      die "$id is gated or private, and this image has only wget, which cannot keep a token from other hosts:" \
        "use a base image with hf or curl"
    elif [ -n "$token" ]; then
      die "the token given has no access to $id, which is gated or private: accept the conditions at" \
        "https://huggingface.co/$id with the token's account, or pass another with -e HF_TOKEN=..."
    fi
    die "$id is gated or private: accept the conditions at https://huggingface.co/$id and pass -e HF_TOKEN=..."
  fi
  if said_status 404 || said "$missing_words"; then
    last_words
    die "$id at revision $revision, or a file of it, is no longer at $endpoint"
  fi
}

# How much has arrived, in a unit of its own: hf keeps unfinished files elsewhere, under names of its own.
arrived() {
  if [ "$downloader" = hf ]; then
    so_far=$(du -sk "$partial")
    echo "${so_far%%[!0123456789]*}"
  else
    f_path=$1
    size_of_partial
  fi
}

size_of_partial() { if [ -f "$partial/$f_path" ]; then size_of "$partial/$f_path"; else echo 0; fi; }

# Fetches the paths given. What failed is tried again while bytes arrive (`all_attempts` at most), `attempts` times when none do.
fetch() {
  attempt=1
  for fetched in "$@"; do
    f_path=$fetched
    make_parent
  done
  failures=0
  while :; do
    before=$(arrived "$1")
    true >"$work/status"
    run_child "with_$downloader" "$@"
    downloader_status=$child_status
    [ "$downloader_status" -ne 0 ] || return 0
    [ "$downloader" = curl ] || cat "$work/status" >>"$work/log"
    [ "$downloader" = curl ] || true >"$work/status"
    explain_final
    if [ "$downloader" = curl ] && { [ "$downloader_status" -eq 33 ] || grep -q '^416 ' "$work/status"; }; then
      rm -f "$partial/$1" # resuming is not possible here
    elif [ "$(arrived "$1")" -gt "$before" ]; then
      failures=0
    fi
    failures=$((failures + 1)) attempt=$((attempt + 1))
    if [ "$failures" -ge "$attempts" ] || [ "$attempt" -gt "$all_attempts" ]; then
      last_words
      die "$downloader failed with status $downloader_status, $((attempt - 1)) attempts, while downloading $id from $endpoint." \
        "What is there is kept in $partial: starting again goes on from it"
    fi
    last_words
    say "$downloader failed with status $downloader_status; trying again"
    nap "$((retry_delay * failures))"
  done
}

# ---------------------------------------------------------------- the plan of a download

make_parent() {
  case $f_path in */*) mkdir -p "$partial/${f_path%/*}" || die "cannot make a folder for $f_path in $partial" ;; esac
}

# Files of the same size in another folder of ours, or of the user's, save their download when the hash agrees too.
reuse() {
  is_there "$partial/$f_path" && return 0
  for source in "$target" "$partial.stale"; do
    if [ -f "$source/$f_path" ] && [ ! -L "$source/$f_path" ] && [ "$(size_of "$source/$f_path")" = "$f_size" ]; then
      make_parent
      ln "$source/$f_path" "$partial/$f_path" 2>/dev/null && return 0
    fi
  done
  return 0
}

sort_out() {
  have=0
  if [ "$f_size" -eq 0 ]; then
    make_parent && true >"$partial/$f_path" # some downloaders make no file of nothing
  fi
  if [ -f "$partial/$f_path" ]; then
    have=$(size_of "$partial/$f_path")
    if [ "$have" -lt "$f_size" ]; then
      # A silent holder may wake up and write on: nothing half written is gone on with.
      [ -z "$took_over" ] || { rm -f "$partial/$f_path" && have=0; }
    else
      if verify "$partial/$f_path"; then
        kept=$((kept + 1))
        return 0
      fi
      rm -f "$partial/$f_path"
      have=0
    fi
  fi
  missing=$((missing + 1))
  needed=$((needed + f_size - have))
  printf '%s\t%s\t%s\t%s\n' "$f_size" "$f_algo" "$f_digest" "$f_path" >>"$work/pending"
}

# Sets `available` in bytes, empty when df does not say.
free_space() {
  available=$(df -Pk "$root" 2>/dev/null | sed -n '$s/^.* \([0-9][0-9]*\)  *[0-9][0-9]*% .*$/\1/p')
  [ -z "$available" ] || available=$((available * 1024))
}

check_space() {
  resumable=$(du -sk "$partial/.cache/huggingface" 2>/dev/null) || resumable=0
  needed=$((needed - ${resumable%%[!0123456789]*} * 1024))
  [ "$needed" -ge 0 ] || needed=0
  needed=$((needed + missing * 4096 + margin))
  free_space
  if [ -z "$available" ]; then
    say "df does not tell the free space under $root; going on without knowing"
  elif [ "$available" -lt "$needed" ]; then
    die "not enough space under $root for $id: needed $needed bytes ($(human "$needed")), available $available bytes" \
      "($(human "$available")). Free some space or mount a larger volume; nothing was downloaded"
  fi
}

# Reads $1 (a pending list), fetches it batch by batch, and collects what arrived wrong in $2.
fetch_pending() {
  true >"$2"
  [ "$downloader" = hf ] || batch_size=1
  set -- "$1" "$2"
  pending=$1 wrong=$2
  shift 2
  while IFS=$tab read -r f_size f_algo f_digest f_path <&7; do
    case $f_path in
      -* | *[]*?[]*) fetch_batch "$f_path" ;;
      *) set -- "$@" "$f_path" ;;
    esac
    if [ $# -ge "$batch_size" ]; then
      fetch_batch "$@"
      set --
    fi
  done 7<"$pending"
  [ $# -eq 0 ] || fetch_batch "$@"
}

fetch_batch() {
  if [ $# -eq 1 ]; then say "downloading $1"; else say "downloading $# files, $1 first"; fi
  fetch "$@"
  for batched in "$@"; do verify_pending "$batched"; done
}

# Verifies one path of the batch with its line in the pending list.
verify_pending() {
  while IFS=$tab read -r f_size f_algo f_digest f_path <&6; do
    [ "$f_path" = "$1" ] || continue
    verify "$partial/$f_path" && return 0
    say "$why"
    # Some downloaders end well on a full disk, with less than they were asked for.
    free_space
    if said "$full_words" || [ "${available:-$f_size}" -lt "$((f_size - $(size_of_partial)))" ]; then
      die_full
    fi
    rm -f "$partial/$f_path"
    printf '%s\t%s\t%s\t%s\n' "$f_size" "$f_algo" "$f_digest" "$f_path" >>"$wrong"
    printf '%s\n' "$why" >"$work/why"
    return 0
  done 6<"$pending"
}

prepare_partial() {
  if is_there "$partial" && [ "$(cat "$partial/$marker.list" 2>/dev/null)" != "$list" ]; then
    rm -rf "$partial.stale"
    mv "$partial" "$partial.stale" || die "cannot rename $partial"
  fi
  # Nothing in it was verified against a marker that a killed process might have left.
  rm -f "$partial/$marker"
  { mkdir -p "$partial" && echo "$list" >"$partial/$marker.list"; } || die "cannot write to $partial; is the disk full?"
}

# Newer clients of hf give a half file a name of its own each time (<name>.<etag>.<8 hex>.incomplete) and never go on with it: what a
# killed one left would only fill the volume. Older ones (<name>.<etag>.incomplete) do go on.
drop_orphan() {
  case $f_path in */*) halves=$partial/.cache/huggingface/download/${f_path%/*} ;; *) halves=$partial/.cache/huggingface/download ;; esac
  for half in "$halves"/*.*.????????.incomplete; do
    [ ! -f "$half" ] || rm -f "$half"
  done
}

download() {
  prepare_partial
  each_file reuse
  rm -rf "$partial.stale"
  [ -z "$took_over" ] || rm -rf "$partial/.cache/huggingface"
  each_file drop_orphan
  needed=0 missing=0 kept=0
  true >"$work/pending"
  each_file sort_out
  [ "$kept" -eq 0 ] || say "already here and verified: $kept of $((kept + missing)) files"
  if [ "$missing" -gt 0 ]; then
    choose_downloader
    check_space
    say "downloading $missing files of $id ($(human "$total") in all) at $revision with $downloader"
    fetch_pending "$work/pending" "$work/wrong"
    if [ -s "$work/wrong" ]; then
      say "downloading again what arrived damaged"
      rm -rf "$partial/.cache/huggingface"
      fetch_pending "$work/wrong" "$work/worse"
      [ ! -s "$work/worse" ] || die "$(cat "$work/why"), twice. $endpoint serves other bytes than this image was made for"
    fi
  fi
  seal
}

with_sync() { exec sync -f "$partial" 2>/dev/null; }

write_name() { printf 'file=%s\n' "$f_path"; }

# The marker is the last thing written, after everything else has reached the disk.
seal() {
  folder=$partial
  each_file check_present || die "$partial cannot be completed: $why"
  rm -rf "$partial/.cache/huggingface"
  rmdir "$partial/.cache" 2>/dev/null
  chmod -R +rX "$partial" 2>/dev/null # readable as far as the umask allows, whatever the downloader did
  { printf 'format=1\nid=%s\nrevision=%s\nlist=%s\n' "$id" "$revision" "$list" && each_file write_name; } \
    >"$partial/$marker.new" || die "cannot write to $partial; is the disk full?"
  run_child with_sync || run_child sync
  rm -f "$partial/$marker.list"
  mv "$partial/$marker.new" "$partial/$marker" || die "cannot write to $partial"
}

# ---------------------------------------------------------------- the swap

move_aside() {
  aside=1
  while is_there "$target.foreign-$aside"; do aside=$((aside + 1)); done
  mv "$1" "$target.foreign-$aside" || die "cannot rename $1 to $target.foreign-$aside"
  say "$2; moved to $target.foreign-$aside, which nothing here will touch"
}

# Deletes the previous revision: the files its marker names, and nothing else.
discard_old() {
  is_there "$old" || return 0
  if has_marker "$old"; then
    while IFS= read -r line; do
      case $line in file=*) ;; *) continue ;; esac
      line=${line#file=}
      rm -f "$old/$line"
      while :; do
        case $line in */*) line=${line%/*} ;; *) break ;; esac
        rmdir "$old/$line" 2>/dev/null || break
      done
    done <"$old/$marker"
    rm -f "$old/$marker"
  fi
  rmdir "$old" 2>/dev/null || move_aside "$old" "the previous folder holds files that were not downloaded by this image"
}

# At any moment one of <short>, .partial (with its marker) and .old holds a whole model; `recover` finds which.
swap() {
  if has_marker "$target"; then
    mv "$target" "$old" || die "cannot rename $target to $old"
  elif is_there "$target" && ! rmdir "$target" 2>/dev/null; then
    move_aside "$target" "$target was not made by this image"
  fi
  mv "$partial" "$target" || die "cannot rename $partial to $target"
  discard_old
}

recover() {
  is_there "$old" || return 0
  if is_there "$target"; then
    discard_old
  elif is_complete "$partial"; then
    mv "$partial" "$target" && discard_old
  else
    mv "$old" "$target"
  fi
}

# ---------------------------------------------------------------- slim and fat

check_root() {
  mkdir -p "$root" 2>/dev/null
  if ! can_write "$root"; then
    die "cannot write to $root as uid $(id -u): mount a volume there (-v models:$root) that this user may write" \
      "(chown -R $(id -u) on its folder, or --user with the uid that owns it)"
  fi
  if [ -d "$target" ] && [ "$(stat -c %d "$root")" != "$(stat -L -c %d "$target")" ] && [ ! -L "$target" ]; then
    die "$target is a volume of its own, where a download cannot be swapped in: mount it at $root instead"
  fi
  if [ "$(stat -c %d "$root")" = "$(stat -c %d /)" ]; then
    say "nothing is mounted at $root: this download is lost with the container (-v models:$root keeps it)"
  fi
}

ensure_slim() {
  if is_complete "$target"; then
    is_there "$old" || return 0
    can_write "$root" || return 0
  elif has_marker "$target"; then
    say "$target cannot be used as it is: $why"
  fi
  check_root
  make_work
  take_lock
  start_watch
  recover
  if ! is_complete "$target"; then
    is_complete "$partial" || download
    [ "$lock" = flock ] || still_ours || lost_lock
    swap
  fi
  cleanup
}

ensure_fat() {
  export HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1
  folder=$target
  if [ ! -d "$target" ] || [ -z "$(ls -A "$target" 2>/dev/null)" ]; then
    die "a volume mounted at $root hides the weights inside this image: start it without that mount"
  fi
  each_file check_present || die "$target: $why; if a volume is mounted at $root, start without that mount"
}

# ---------------------------------------------------------------- the engine

# Sets HF_HOME and HOME to folders that this user can write, so that an engine under any UID and a read-only root starts.
choose_homes() {
  HF_HOME=${HF_HOME:-$conf_hf_home}
  HF_HOME=${HF_HOME:-/root/.cache/huggingface}
  mkdir -p "$HF_HOME" 2>/dev/null
  if ! can_write "$HF_HOME"; then
    HF_HOME=/tmp/hf
    mkdir -p "$HF_HOME" 2>/dev/null
  fi
  export HF_HOME
  if ! can_write "${HOME:-/nonexistent}"; then
    export HOME=/tmp/home
    mkdir -p "$HOME" 2>/dev/null
  fi
  # A UID without an account has no name, and Python libraries stop at that.
  if [ -z "${USER:-}${LOGNAME:-}" ] && ! id -un >/dev/null 2>&1; then
    export USER=model
  fi
}

# 0 when one of the options before "--" is among the arguments after it, alone or with "=value".
given() {
  names=$newline
  while [ "$1" != -- ]; do
    names=$names$1$newline
    shift
  done
  shift
  for argument in "$@"; do
    case $names in *"$newline${argument%%=*}$newline"*) return 0 ;; esac
  done
  return 1
}

no_engine() {
  say "error: engine $engine not found in this image ($1)"
  exit 127
}

python_has() {
  command -v python3 >/dev/null 2>&1 &&
    python3 -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)' "$1" 2>/dev/null
}

# Each of these sets `program`, what is asked whether it is there, or ends with 127.

find_vllm() {
  if command -v vllm >/dev/null 2>&1; then
    program=$(command -v vllm)
  elif python_has vllm; then
    program=python3
  else
    no_engine 'neither a vllm command nor a Python package'
  fi
}

find_sglang() {
  python_has sglang || no_engine 'no Python package'
  program=python3
}

find_llamacpp() {
  if command -v llama-server >/dev/null 2>&1; then
    program=$(command -v llama-server)
  elif [ -x /app/llama-server ]; then
    program=/app/llama-server
  else
    no_engine 'no llama-server'
  fi
}

# Becomes the engine's program with the arguments as they are.
run_program() {
  case $engine$program in
    vllmpython3) exec python3 -m vllm.entrypoints.openai.api_server "$@" ;;
    sglang*) exec python3 -m sglang.launch_server "$@" ;;
  esac
  exec "$program" "$@"
}

start_vllm() {
  given --served-model-name --served_model_name -- "$@" || set -- --served-model-name "$id" "$@"
  case $program in
    python3) run_program --model "$target" "$@" ;;
    *) run_program serve "$target" "$@" ;;
  esac
}

start_sglang() {
  given --port -- "$@" || set -- --port 30000 "$@"
  given --host -- "$@" || set -- --host 0.0.0.0 "$@"
  given --served-model-name -- "$@" || set -- --served-model-name "$id" "$@"
  run_program --model-path "$target" "$@"
}

find_gguf() {
  case $f_path in
    *[mM][mM][pP][rR][oO][jJ]*.[gG][gG][uU][fF]) [ -n "$mmproj" ] || mmproj=$f_path ;;
    *.[gG][gG][uU][fF]) [ -n "$gguf" ] || gguf=$f_path ;;
  esac
}

start_llamacpp() {
  gguf='' mmproj=''
  each_file find_gguf
  [ -n "$gguf" ] || die "$list_file names no GGUF file for llama.cpp"
  given --alias -a -- "$@" || set -- --alias "$id" "$@"
  [ -z "$mmproj" ] || given --mmproj -mm -- "$@" || set -- --mmproj "$target/$mmproj" "$@"
  export LLAMA_ARG_HOST="${LLAMA_ARG_HOST:-0.0.0.0}"
  run_program --model "$target/$gguf" "$@"
}

# ---------------------------------------------------------------- the image examined

count_file() { files=$((files + 1)); }

# Prints what the image says about itself, once all of it was found in order: the list to its end, the licence files, in fat the
# weights' presence and sizes, the engine.
examine() {
  files=0
  each_file count_file
  for licence in CC0 manifest.json model/LICENSE; do
    [ -s "$licenses/$licence" ] || die "$licenses/$licence is not in this image; it was not built correctly"
  done
  [ "$variant" = slim ] || ensure_fat
  "find_$engine"
  # A base's PATH may lead anywhere; what JSON would have to escape is not worth naming.
  case $program in *[!a-zA-Z0-9._/+-]*) shown=engine ;; *) shown=$program ;; esac
  printf '{"model":"%s","revision":"%s","variant":"%s","engine":"%s","program":"%s","files":%s}\n' \
    "$id" "$revision" "$variant" "$engine" "$shown" "$files"
}

# ---------------------------------------------------------------- arguments

# 0 when the arguments are exactly serve-args.
are_serve_args() {
  [ -r "$etc/serve-args" ] || return 1
  while IFS= read -r line || [ -n "$line" ]; do
    [ $# -gt 0 ] && [ "$1" = "$line" ] || return 1
    shift
  done <"$etc/serve-args"
  [ $# -eq 0 ]
}

if [ $# -gt 0 ] && are_serve_args "$@"; then
  set --
fi
if [ $# -gt 0 ]; then
  case $1 in
    -*) ;;
    '')
      say "error: the first argument is empty: give options for the engine, or a command to run instead"
      exit 2
      ;;
    *) [ "${MODEL_IMAGE_CHECK:-}" = 1 ] || exec "$@" ;;
  esac
fi

if [ "${MODEL_IMAGE_CHECK:-}" = 1 ]; then
  unset HF_TOKEN HUGGING_FACE_HUB_TOKEN
  read_conf
  choose_homes
  examine
  [ $# -gt 0 ] || exit 0
  case $1 in
    -*) run_program "$@" ;;
    *) exec "$@" ;;
  esac
fi

# serve-args first, then the user's: appended behind them, then rotated to the front.
users=$#
if [ -r "$etc/serve-args" ]; then
  while IFS= read -r line || [ -n "$line" ]; do
    set -- "$@" "$line"
  done <"$etc/serve-args"
fi
while [ "$users" -gt 0 ]; do
  set -- "$@" "$1"
  shift
  users=$((users - 1))
done

case $stale in *[!0123456789]* | '' | 0) stale=30 ;; esac
case $retry_delay in *[!0123456789]* | '') retry_delay=3 ;; esac

# Taken out of the environment at once: no child but hf, and never the engine, sees it.
# shellcheck disable=SC2031
token=${HF_TOKEN:-}
token=${token:-${HUGGING_FACE_HUB_TOKEN:-}}
unset HF_TOKEN HUGGING_FACE_HUB_TOKEN
token=$(printf %s "$token" | tr -d ' \r\n\t')
case $token in
  *[!a-zA-Z0-9._-]*)
    say "error: HF_TOKEN holds characters that no Hugging Face token has"
    exit 2
    ;;
esac

trap "trap '' TERM INT HUP; cleanup" EXIT
trap 'stopped 143' TERM
trap 'stopped 130' INT
trap 'stopped 129' HUP

read_conf
choose_homes
# Before hours of download, not after.
[ "${MODEL_IMAGE_PREFETCH:-}" = 1 ] || "find_$engine"
"ensure_$variant"
token=''
if [ "${MODEL_IMAGE_PREFETCH:-}" = 1 ]; then
  say "$id at $revision is ready in $target"
  exit 0
fi
say "$id at $revision is ready in $target; starting $engine"
trap - EXIT
"start_$engine" "$@"
