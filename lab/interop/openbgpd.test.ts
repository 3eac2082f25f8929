// See suite.ts.
import { openbgpd } from './openbgpd.ts'
import { describeInterop } from './suite.ts'

describeInterop(openbgpd)
