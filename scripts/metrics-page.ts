// The reference of all metrics, made from the table that `/metrics` answers from.

import type { Metric } from '../src/observe/exposition.ts'
import { type MetricsSource, metricTables } from '../src/observe/metrics.ts'

/** The text of docs/reference/metrics.md. */
export function metricsPage(): string {
  const sections = Object.entries(metricTables).map(([part, table]) => {
    const rows = Object.entries(table).map(([name, metric]) => row(name, metric))
    return [`## ${titles[part as Part]}`, '', '| metric | type | labels | |', '|---|---|---|---|', ...rows].join('\n')
  })
  return `${[introduction, ...sections].join('\n\n')}\n`
}

type Part = keyof typeof metricTables

const titles: Readonly<Record<Part, string>> = {
  traffic: 'Traffic',
  connections: 'Connections and who is refused',
  certificates: 'Client certificates',
  sessions: 'Sessions and messages',
  store: 'Store',
  program: 'Process',
}

const introduction = `# Health and metrics

Made by \`npm run docs\` from the table in \`src/observe/metrics.ts\`.

\`metrics_listener 9883\` in the configuration makes the broker answer plain HTTP on 127.0.0.1, port 9883, and nowhere else;
\`metrics_listener 9883 192.0.2.1\` on that address. Without the line nothing listens. Whoever can reach it may read everything:
there is no password, and no client id, user name or topic in what is answered.

| path | 200 | 503 |
|---|---|---|
| \`/healthz\` | the process lives, and its event loop turns | the loop was more than \`health_max_lag\` late in the last ten to twenty seconds; no answer at all while it stands still |
| \`/readyz\` | clients should be sent here | one line for each reason why not: the broker is starting or stopping; what was saved is being loaded; the store cannot be written, or has not been answered by its disk for five seconds; the file of dynamic security cannot be written |
| \`/metrics\` | all metrics, in Prometheus' text format 0.0.4 | |

Only GET and HEAD are answered, and only when the broker is asked by \`localhost\`, by the address that the connection came to, by
the address in \`metrics_listener\`, or by a name in a \`metrics_host\` line: any other gets 421, so that no web page can read this by
way of its own name.

What the \`$SYS\` tree has besides are averages and maxima, which Prometheus makes itself: \`rate(…[5m])\`, \`max_over_time(…[1d])\`.
A metric that the machine cannot tell is left out. Label values come from the configuration and from the program, never from a
client.`

function row(name: string, { type, labels = [], help }: Metric<MetricsSource>): string {
  const cells = [`\`${name}\``, type, labels.map(label => `\`${label}\``).join(', '), help]
  return `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
}
