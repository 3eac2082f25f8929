#!/bin/sh
# assemble.sh SOURCE LIBRARY IMAGE: builds what runs, and puts it and nothing else into LIBRARY; the commands that start it go into IMAGE, as they
# lie from its root on. Changes nothing in SOURCE. Run by the Dockerfile; runs as well on any Linux with Node and npm.
set -eu
source=$1 library=$2 image=$3

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/tools" "$library/bin" "$image"
cp "$source/package.json" "$source/package-lock.json" "$work/"
cp -R "$source/packages" "$source/apps" "$work/"
cp -R "$source/tools/build" "$work/tools/"
cp "$source/LICENSE" "$library/"
cd "$work"
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error

# The programs, and beside them the licences of whose code is in them.
node_modules/.bin/node tools/build/main.ts "$library/program"

# Node by itself: no headers, no manuals, no npm.
cp node_modules/node-linux-*/bin/node "$library/bin/node"
cp node_modules/node-linux-*/LICENSE "$library/bin/LICENSE.node"

# koffi, the one module that is not JavaScript alone: what Node loads of it, for this processor and this C library.
copy() {
  mkdir -p "$(dirname "$library/$1")"
  cp -R "$1" "$library/$1"
}
for file in package.json LICENSE.txt index.cjs src/koffi/index.cjs src/koffi/src/static.cjs; do
  copy "node_modules/koffi/$file"
done
for file in node_modules/@koromix/koffi-linux-*/package.json node_modules/@koromix/koffi-linux-*/index.js \
  node_modules/@koromix/koffi-linux-*/linux_*; do
  copy "$file"
done

# The kernel passes one word to a program that a script names.
launcher() {
  mkdir -p "$(dirname "$image$1")"
  printf '#!/usr/lib/holdfast/bin/node --max-semi-space-size=2\n%simport("/usr/lib/holdfast/program/holdfast.mjs")\n' "$2" >"$image$1"
  chmod 0755 "$image$1"
}
launcher /usr/bin/holdfast ''
launcher /controller 'process.argv.splice(2, 0, "controller")
'
launcher /speaker 'process.argv.splice(2, 0, "speaker")
'
