// See suite.ts.
import { bird } from './bird.ts'
import { describeInterop } from './suite.ts'

describeInterop(bird)
