import packageJson from '../package.json' with { type: 'json' }

/** The version that the whole workspace has. */
export const version: string = packageJson.version
