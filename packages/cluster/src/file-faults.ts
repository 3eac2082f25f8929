import type { ErrorCode } from 'yaml'

/** What is wrong with a document, before it is known in which file and on which line the document stands. */
export interface DocumentFault {
  readonly code: string
  /** From 1, within the document. */
  readonly line: number
  readonly column: number | undefined
  readonly message: string
  readonly remedy: string
}

/** Words for one rule: what is wrong, and what to do about it. */
export interface FaultWords {
  readonly code: string
  readonly message: string
  readonly remedy: string
}

const indent: FaultWords = {
  code: 'yaml-indentation',
  message: 'the indentation does not fit the lines around it',
  remedy:
    'Indent with spaces: the same number for all entries of one mapping or list, more for what belongs to an entry.',
}

const nestedMapping: FaultWords = {
  code: 'yaml-nested-mapping',
  message: 'a second "key: value" on a line that already has one, or a line that is indented as if it went on',
  remedy: 'Put the inner mapping on its own, deeper indented line, or quote a value that contains ": ".',
}

const key: FaultWords = {
  code: 'yaml-key',
  message: 'this is no plain "key: value" line',
  remedy: 'Write a key and a colon, or "- " for a list entry. A template ({{ … }}) has to be rendered first.',
}

const token: FaultWords = {
  code: 'yaml-syntax',
  message: 'this cannot stand here in YAML',
  remedy: 'Look for a missing quote, bracket or colon on this line and the one before it.',
}

const anchor: FaultWords = {
  code: 'yaml-anchor',
  message: 'an anchor (&name), alias (*name) or tag (!name) is written wrongly or twice',
  remedy: 'Use at most one anchor and one tag in front of a value, and nothing beside an alias.',
}

const directive: FaultWords = {
  code: 'yaml-directive',
  message: 'a line that begins with "%" is a YAML directive, and this one is not valid',
  remedy: 'Remove the line, or quote the value that begins with "%".',
}

const missing: FaultWords = {
  code: 'yaml-unclosed',
  message: 'a closing quote or bracket, a comma or a colon is missing',
  remedy: 'Close every quote and bracket; inside brackets, separate entries by commas.',
}

const known: Partial<Record<ErrorCode, FaultWords>> = {
  ALIAS_PROPS: anchor,
  BAD_ALIAS: anchor,
  BAD_COLLECTION_TYPE: anchor,
  BAD_PROP_ORDER: anchor,
  MULTIPLE_ANCHORS: anchor,
  MULTIPLE_TAGS: anchor,
  BAD_DIRECTIVE: directive,
  BAD_INDENT: indent,
  BLOCK_IN_FLOW: indent,
  BLOCK_AS_IMPLICIT_KEY: nestedMapping,
  MULTILINE_IMPLICIT_KEY: nestedMapping,
  NON_STRING_KEY: key,
  KEY_OVER_1024_CHARS: key,
  MISSING_CHAR: missing,
  BAD_DQ_ESCAPE: {
    code: 'yaml-escape',
    message: 'a backslash in double quotes begins an escape that does not exist',
    remedy: "Write \\\\ for a backslash, or use single quotes ('…'), which know no escapes.",
  },
  BAD_SCALAR_START: {
    code: 'yaml-reserved-character',
    message: 'a value without quotes cannot begin with this character',
    remedy: 'Put the value in quotes.',
  },
  DUPLICATE_KEY: {
    code: 'yaml-duplicate-key',
    message: 'this key occurs twice in the same mapping',
    remedy: 'Remove one of the two, or join their contents.',
  },
  RESOURCE_EXHAUSTION: {
    code: 'yaml-nesting',
    message: 'the document is nested too deeply',
    remedy: 'No Kubernetes object needs more than 100 levels: check how the file was generated.',
  },
  TAB_AS_INDENT: {
    code: 'yaml-tab-indent',
    message: 'the line is indented with a tab, which YAML forbids',
    remedy: 'Replace the tab by spaces.',
  },
}

/** Plain words for an error of the YAML parser; `message` is the parser's own. */
export function wordsOf(code: ErrorCode, message = ''): FaultWords {
  // The parser has one code for a bracket that is never closed and for lines within brackets that stand too far left.
  if (code === 'BAD_INDENT' && /end with a [\]}]/.test(message)) return missing
  return known[code] ?? token
}

export const aliasUnknown: FaultWords = {
  code: 'yaml-alias-unknown',
  message: 'the alias refers to an anchor that is not set before it in this document',
  remedy:
    'Set the anchor (&name) in the same document above the alias, quote a value that begins with "*", or write it out.',
}

export const aliasExcess: FaultWords = {
  code: 'yaml-alias-excess',
  message: 'the aliases of the document unfold to far more than any Kubernetes object holds',
  remedy: 'Write the values out instead of nesting aliases.',
}

export const mergeSource: FaultWords = {
  code: 'yaml-merge',
  message: 'the merge key "<<" needs a mapping, or a list of mappings',
  remedy: 'Point "<<" at an alias of a mapping.',
}

export const notAnObject: FaultWords = {
  code: 'document-not-object',
  message: 'this is no Kubernetes object: a mapping with apiVersion, kind and metadata is expected',
  remedy: 'Correct it, or move files that are no manifests out of the directory.',
}

/** An object that lacks what every Kubernetes object has. `found` is the value in its place, as JSON. */
export function identityFault(field: 'apiVersion' | 'kind' | 'metadata.name', found: string | undefined): FaultWords {
  const code = {
    apiVersion: 'object-without-api-version',
    kind: 'object-without-kind',
    'metadata.name': 'object-without-name',
  }
  const example = { apiVersion: 'metallb.io/v1beta1', kind: 'IPAddressPool', 'metadata.name': 'example' }
  return {
    code: code[field],
    message: found === undefined ? `${field} is missing` : `${field} must be a non-empty string, and is ${found}`,
    remedy:
      found === undefined
        ? `Add ${field}, for example "${example[field]}".`
        : `Write ${field} as a string; one that looks like a number or like yes, no, on or off needs quotes.`,
  }
}
