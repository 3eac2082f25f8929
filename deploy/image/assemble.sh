#!/bin/sh
# assemble.sh SOURCE LIBRARY IMAGE: installs what runs, and nothing else, into LIBRARY; the commands that start it go into IMAGE, as they lie
# from its root on. Run by the Dockerfile; runs as well on any Linux with Node and npm.
set -eu
source=$1 library=$2 image=$3

mkdir -p "$library" "$image"
cp "$source/package.json" "$source/package-lock.json" "$library/"
cp -R "$source/packages" "$source/apps" "$library/"
cd "$library"
npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error

# Node by itself: no headers, no manuals, no npm.
mkdir bin
mv node_modules/node-linux-*/bin/node bin/node
cp node_modules/node-linux-*/LICENSE bin/LICENSE.node
rm -rf node_modules/node-linux-* node_modules/.bin node_modules/.package-lock.json node_modules/.cache

# What only compilers, debuggers, readers and tests look at; licences stay.
rm -rf node_modules/zod/src node_modules/koffi/src/koffi/src node_modules/koffi/vendor node_modules/koffi/doc
find . -path ./bin -prune -o -type f \( -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' -o -name '*.map' -o -name '*.test.ts' \) -exec rm {} +
find packages apps -type d \( -name testdata -o -name testing -o -name node_modules \) -prune -exec rm -rf {} +
rm -f package-lock.json

# The kernel passes one word to a program that a script names.
launcher() {
  mkdir -p "$(dirname "$image$1")"
  printf '#!/usr/lib/holdfast/bin/node --max-semi-space-size=2\n%simport("/usr/lib/holdfast/apps/holdfast/src/main.ts")\n' "$2" >"$image$1"
  chmod 0755 "$image$1"
}
launcher /usr/bin/holdfast ''
launcher /controller 'process.argv.splice(2, 0, "controller")
'
launcher /speaker 'process.argv.splice(2, 0, "speaker")
'
