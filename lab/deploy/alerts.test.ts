// The chart's alert rules in promtool (package prometheus): they parse, fire when they should, and stay quiet when they should.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import { clusterSkip } from '../cluster/capability.ts'
import { chart, helm } from './helm.ts'

const isThere = spawnSync('promtool', ['--version']).status === 0
const skip = clusterSkip('helm') || (!isThere && 'promtool missing (package prometheus)')

interface Case {
  readonly says: string
  /** Series and their values, one each minute, as promtool writes them. */
  readonly series: Readonly<Record<string, string>>
  /** What fires after 20 minutes, with the labels that tell alerts apart. */
  readonly fires: readonly string[]
}

const job = 'job="holdfast"'
const session = (node: string, peer: string): string => `holdfast_bgp_session_up{${job},node="${node}",name="${peer}"}`

const cases: readonly Case[] = [
  {
    says: 'a session that is down',
    series: {
      [`metallb_bgp_session_up{${job},peer="192.0.2.1:179"}`]: '0x30',
      [`metallb_bgp_session_up{${job},peer="192.0.2.2:179"}`]: '1x30',
    },
    fires: ['MetalLBBGPSessionDown 192.0.2.1:179'],
  },
  {
    says: 'a node whose last session is down, and one that has another',
    series: {
      [session('a', 'left')]: '0x30',
      [session('a', 'right')]: '0x30',
      [session('b', 'left')]: '0x30',
      [session('b', 'right')]: '1x30',
    },
    fires: ['HoldfastNodeIsolated a'],
  },
  {
    says: 'a full pool that both replicas of the controller tell of, and an empty one',
    series: {
      'metallb_allocator_addresses_in_use_total{pool="full",pod="1"}': '8x30',
      'metallb_allocator_addresses_in_use_total{pool="full",pod="2"}': '8x30',
      'metallb_allocator_addresses_total{pool="full",pod="1"}': '8x30',
      'metallb_allocator_addresses_total{pool="full",pod="2"}': '8x30',
      'metallb_allocator_addresses_in_use_total{pool="empty",pod="1"}': '0x30',
      'metallb_allocator_addresses_total{pool="empty",pod="1"}': '0x30',
    },
    fires: ['Exhausted', 'Usage75Percent', 'Usage85Percent', 'Usage95Percent'].map(
      (what) => `MetalLBAddressPool${what} full`,
    ),
  },
  {
    says: 'a pool of which 80 % are in use',
    series: {
      'metallb_allocator_addresses_in_use_total{pool="p"}': '80x30',
      'metallb_allocator_addresses_total{pool="p"}': '100x30',
    },
    fires: ['MetalLBAddressPoolUsage75Percent p'],
  },
  {
    says: 'a session that comes and goes, and one that came once',
    series: {
      [`holdfast_bgp_session_established_total{${job},node="a",name="left"}`]: '1+1x30',
      [`holdfast_bgp_session_established_total{${job},node="b",name="left"}`]: '0x10 1x20',
    },
    fires: ['HoldfastBGPSessionFlapping a'],
  },
  {
    says: 'routes that wait for a session that is up, and for one that is not',
    series: {
      [`holdfast_bgp_pending_prefixes_total{${job},node="a",name="left"}`]: '7x30',
      [session('a', 'left')]: '1x30',
      [`holdfast_bgp_pending_prefixes_total{${job},node="b",name="left"}`]: '7x30',
      [session('b', 'left')]: '0x30',
      [session('b', 'right')]: '1x30',
    },
    fires: ['HoldfastPrefixesPending a'],
  },
  {
    says: 'an API server that is silent, a broken configuration, and a target that is down',
    series: {
      [`holdfast_api_server_age_seconds{${job},pod="a"}`]: '0+60x30',
      [`metallb_k8s_client_config_stale_bool{${job},pod="a"}`]: '1x30',
      [`metallb_k8s_client_config_loaded_bool{${job},pod="a"}`]: '0x30',
      [`up{${job},pod="b"}`]: '0x30',
    },
    fires: ['HoldfastAPIServerSilent a', 'MetalLBConfigNotLoaded a', 'MetalLBStaleConfig a', 'HoldfastTargetDown b'],
  },
  {
    says: 'what goes well',
    series: {
      [session('a', 'left')]: '1x30',
      [`holdfast_bfd_session_up{${job},node="a",name="left"}`]: '1x30',
      [`holdfast_bgp_update_faults{${job},node="a",name="left"}`]: '0x30',
      [`metallb_k8s_client_update_errors_total{${job},pod="a"}`]: '3x30',
      [`up{${job},pod="a"}`]: '1x30',
    },
    fires: [],
  },
]

/** Labels of which one tells the alerts of a case apart. */
const telling = ['peer', 'node', 'pool', 'pod'] as const

/** A test for promtool: what fires after 20 minutes is what is expected, no more. */
const testOf = ({ series, fires }: Case): unknown => ({
  rule_files: ['rules.yaml'],
  evaluation_interval: '1m',
  tests: [
    {
      interval: '1m',
      input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
      promql_expr_test: [
        {
          expr: `max by (alertname, subject) (${telling.reduce(
            (inner, label) => `label_replace(${inner}, "subject", "$1", "${label}", "(.+)")`,
            'ALERTS{alertstate="firing"}',
          )})`,
          eval_time: '20m',
          exp_samples: fires.map((fired) => {
            const [name, subject] = fired.split(' ')
            return { labels: `{alertname="${name}",subject="${subject}"}`, value: 1 }
          }),
        },
      ],
    },
  ],
})

describe('the alert rules', { skip }, () => {
  test('fire for each of these, and for nothing else', async () => {
    const shown = ['--show-only', 'templates/prometheusrule.yaml', '--set', 'prometheus.prometheusRule.enabled=true']
    const rule = parse(await helm(['template', 'holdfast', chart, ...shown])) as { readonly spec: unknown }
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-alerts-'))
    try {
      writeFileSync(join(folder, 'rules.yaml'), JSON.stringify(rule.spec))
      execFileSync('promtool', ['check', 'rules', join(folder, 'rules.yaml')], { stdio: 'pipe' })
      for (const one of cases) {
        writeFileSync(join(folder, 'test.yaml'), JSON.stringify(testOf(one)))
        const options = { cwd: folder, encoding: 'utf8' } as const
        const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', 'test.yaml'], options)
        assert.equal(status, 0, `${one.says}\n${stdout}${stderr}`)
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
