// See suite.ts.
import { gobgp } from './gobgp.ts'
import { describeInterop } from './suite.ts'

describeInterop(gobgp)
