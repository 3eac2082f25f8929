import type { Plugin } from 'rolldown'

const anyImport = /^import (.+) from "(node:[^"]+)";$/gm

/**
 * Takes Node's own modules as `require` would: an `import` of one reads each of its exports, and of node:http some of these are a
 * whole web client that is loaded when it is looked at (13 MiB and 70 ms where nothing else is loaded yet; 4 MiB and 25 ms for the speaker).
 */
export const builtins: Plugin = {
  name: 'builtins',
  renderChunk: (code) => code.replaceAll(anyImport, (_, names: string, module: string) => declarationOf(names, module)),
}

/** What may stand between `import` and `from`: `name`, `* as name`, `{ name, other as name }`, or the first and one of the others. */
const forms = /^(?:([\w$]+)(?:, |$))?(?:\* as ([\w$]+)|\{(.+)\})?$/

function declarationOf(names: string, module: string): string {
  const [found, name, whole, list] = forms.exec(names) ?? []
  if (found === undefined || /\bdefault\b/.test(list ?? '')) {
    throw new Error(`cannot take ${names} of ${module} without an import`)
  }
  const patterns = [name, whole, list === undefined ? undefined : `{${list.replaceAll(' as ', ': ')}}`]
  const taken = patterns
    .filter((pattern) => pattern !== undefined)
    .map((pattern) => `${pattern} = globalThis.process.getBuiltinModule("${module}")`)
  return `const ${taken.join(', ')};`
}
