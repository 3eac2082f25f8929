import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../harness/command.ts'

export interface Certificate {
  readonly certificateFile: string
  readonly keyFile: string
}

/** A certificate authority of the lab. What it issues is valid for a day. */
export interface Authority {
  readonly certificateFile: string
  /** A server's certificate for names and addresses, in files below the authority's directory that `name` names. */
  readonly issue: (name: string, hosts: readonly string[]) => Promise<Certificate>
}

/** Makes an authority with openssl; its files go into an existing directory. */
export async function createAuthority(directory: string): Promise<Authority> {
  const own = await request(directory, 'ca', [
    'basicConstraints = critical, CA:TRUE',
    'keyUsage = critical, keyCertSign',
  ])
  return {
    certificateFile: own.certificateFile,
    issue: (name, hosts) => {
      const names = hosts.map((host) => (/:|^[\d.]+$/.test(host) ? `IP:${host}` : `DNS:${host}`))
      return request(directory, name, [`subjectAltName = ${names.join(', ')}`, 'extendedKeyUsage = serverAuth'], own)
    },
  }
}

async function request(
  directory: string,
  name: string,
  extensions: readonly string[],
  issuer?: Certificate,
): Promise<Certificate> {
  const file = (suffix: string): string => join(directory, `${name}.${suffix}`)
  const [certificateFile, keyFile, config] = [file('crt'), file('key'), file('cnf')]
  // A file of our own: what a distribution's openssl.cnf adds to certificates differs.
  writeFileSync(config, ['[req]', 'distinguished_name = dn', '[dn]', '[extensions]', ...extensions, ''].join('\n'))
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile]
  const signing = issuer === undefined ? [] : ['-CA', issuer.certificateFile, '-CAkey', issuer.keyFile]
  const subject = ['-config', config, '-extensions', 'extensions', '-subj', `/CN=holdfast lab ${name}`, '-days', '1']
  await run('openssl', 'req', '-x509', ...key, ...signing, ...subject, '-out', certificateFile)
  return { certificateFile, keyFile }
}
