#!/bin/sh
# A program for the adapter exec: keeps an account as a folder, with how it shall be in
# a file beside it. It needs jq. The folder of all accounts is its argument.
set -eu
root=$1
request=$(cat)
ask() { printf '%s' "$request" | jq -r "$1"; }
operation=$(ask .operation)
login=$(ask '.wish.login // ""')
case $login in */* | .*) exit 65 ;; esac # no name for a folder
state=$root/$login.json

# What is said of an account that is there, and of one that is not.
show() {
  if [ -e "$state" ]; then
    jq -c --arg login "$login" --argjson used "$(find "$root/$login" -type f -printf '%s\n' | jq -s 'add // 0')" \
      '. + {login: $login, exists: true, used: $used}' "$state"
  else
    echo '{"exists": false}'
  fi
}

# Changes the file of an account that is ours, by a program of jq, in one instant.
change() {
  [ -e "$state" ] || exit 75
  [ "$(jq -r '.account // ""' "$state")" = "$(ask .wish.account)" ] || exit 73
  jq -c --argjson wish "$(ask .wish)" "$1" "$state" >"$state.new"
  mv "$state.new" "$state"
}

case $operation in
check) [ -w "$root" ] || exit 77 ;;
observe) show ;;
ensure)
  if [ ! -e "$state" ]; then
    mkdir -p "$root/$login"
    printf '%s' "$request" | jq -c '.wish | {account, access, quota}' >"$state.new"
    ln "$state.new" "$state" || exit 75 # somebody was faster
    rm "$state.new"
  else
    change '.quota = $wish.quota'
  fi
  show
  ;;
set_quota) change '.quota = $wish.quota' && show ;;
suspend) change '.access = "suspended"' && show ;;
resume) change '.access = "active"' && show ;;
delete)
  if [ -e "$state" ]; then
    change . # or it is not ours
    rm -rf -- "${root:?}/$login"
    rm -f "$state"
  fi
  show
  ;;
list)
  limit=$(ask .limit)
  cursor=$(ask '.cursor // ""')
  find "$root" -maxdepth 1 -name '*.json' -printf '%f\n' | sed 's/\.json$//' | LC_ALL=C sort |
    jq -R -s -c --arg cursor "$cursor" --argjson limit "$limit" '
      [split("\n")[] | select(. != "" and . > $cursor)] as $all
      | {exists: false, names: $all[:$limit], next: (if ($all | length) > $limit then $all[$limit - 1] else "" end)}' |
    {
      read -r page
      printf '%s' "$page" | jq -r '.names[]' | while read -r login; do state=$root/$login.json && show; done |
        jq -s -c --arg next "$(printf '%s' "$page" | jq -r .next)" '{exists: false, accounts: ., next: $next}'
    }
  ;;
*) exit 64 ;;
esac
