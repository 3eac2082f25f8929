// See suite.ts.
import { exabgp } from './exabgp.ts'
import { describeInterop } from './suite.ts'

describeInterop(exabgp)
