import { mostKeyOctets, octetsOf, textOfBase64 } from './octets.ts'
import { SecretText } from './secret-text.ts'

type Values = Readonly<Record<string, string>>

/** The type that MetalLB asks of a Secret with a BGP password. */
const basicAuth = 'kubernetes.io/basic-auth'

/** The password of a Secret, or why it has none that can be used. `stringData` is plain text and wins, as in Kubernetes. */
export function passwordOf(type: string, stringData: Values, data: Values): SecretText | { readonly obstacle: string } {
  if (type !== basicAuth) return { obstacle: `its type is "${type}"` }
  const given = stringData['password'] ?? ''
  const reading = given === '' ? textOfBase64(data['password'] ?? '') : { text: given }
  if ('obstacle' in reading) return { obstacle: `its password ${reading.obstacle}` }
  // `echo` adds a line break that nobody means, and that FRR's configuration file swallows.
  const text = reading.text.replace(/\r?\n$/, '')
  if (text === '') return { obstacle: 'it has no value under the key password' }
  if (/[\r\n]/.test(text)) return { obstacle: 'its password holds a line break' }
  const octets = octetsOf(text)
  if (octets > mostKeyOctets) return { obstacle: `its password has ${octets} octets, and ${mostKeyOctets} are allowed` }
  return new SecretText(text)
}
