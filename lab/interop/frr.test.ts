// See suite.ts.
import { frr } from './frr.ts'
import { describeInterop } from './suite.ts'

describeInterop(frr)
