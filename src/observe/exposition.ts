// The text format in which Prometheus takes metrics (exposition format 0.0.4).

/** A value with the values of its metric's labels, in their order. */
export type Sample = readonly [labelValues: readonly string[], value: number]

/** What a metric was read as: one value, several with labels, or undefined where this machine cannot tell. */
export type Reading = number | readonly Sample[] | undefined

export interface Metric<S> {
  /** A counter only grows while the process lives. */
  readonly type: 'counter' | 'gauge'
  /** What is counted, in a sentence. */
  readonly help: string
  /** Names of labels. Their values come from the configuration or from this program, never from a peer. */
  readonly labels?: readonly string[]
  /** Asked at each scrape; takes no longer the more sessions there are. */
  read(source: S): Reading
}

/** By name. */
export type MetricTable<S> = Readonly<Record<string, Metric<S>>>

export const expositionType = 'text/plain; version=0.0.4; charset=utf-8'

export function formatMetrics<S>(table: MetricTable<S>, source: S): string {
  return Object.entries(table)
    .map(([name, metric]) => formatMetric(name, metric, source))
    .join('')
}

/** A metric that could not be read is left out whole. */
function formatMetric<S>(name: string, metric: Metric<S>, source: S): string {
  const reading = metric.read(source)
  if (reading === undefined) return ''
  const samples: readonly Sample[] = typeof reading === 'number' ? [[[], reading]] : reading
  const lines = samples.map(([values, value]) => `${name}${formatLabels(metric.labels ?? [], values)} ${value}\n`)
  return [`# HELP ${name} ${escapeHelp(metric.help)}\n`, `# TYPE ${name} ${metric.type}\n`, ...lines].join('')
}

function formatLabels(names: readonly string[], values: readonly string[]): string {
  if (names.length === 0) return ''
  return `{${names.map((name, index) => `${name}="${escapeLabel(values[index] ?? '')}"`).join(',')}}`
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function escapeLabel(value: string): string {
  return escapeHelp(value).replaceAll('"', '\\"')
}
