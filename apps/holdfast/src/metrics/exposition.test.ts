import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exposition } from './exposition.ts'

/** The rules are those of the text format 0.0.4: what HELP and label values escape differs by the quotation mark. */
test('a metric is told by its help, its type and a line for each value', () => {
  const text = exposition([
    {
      name: 'holdfast_bgp_session_up',
      type: 'gauge',
      help: 'A "line"\nwith a \\.',
      samples: [
        { labels: { peer: '192.0.2.1:179', name: 'a "b"\\\n' }, value: 1 },
        { labels: {}, value: 0.5 },
        { labels: { peer: 'x' }, value: Infinity },
      ],
    },
    { name: 'holdfast_none', type: 'counter', help: 'None.', samples: [] },
  ])
  assert.equal(
    text,
    [
      '# HELP holdfast_bgp_session_up A "line"\\nwith a \\\\.',
      '# TYPE holdfast_bgp_session_up gauge',
      'holdfast_bgp_session_up{peer="192.0.2.1:179",name="a \\"b\\"\\\\\\n"} 1',
      'holdfast_bgp_session_up 0.5',
      'holdfast_bgp_session_up{peer="x"} +Inf',
      '# HELP holdfast_none None.',
      '# TYPE holdfast_none counter',
      '',
    ].join('\n'),
  )
})
