// The time at the front of a log line: seconds since the epoch, or `log_timestamp_format` in the codes of strftime(3).

/** Returns the refusal of a format with a code that is not known here, or undefined when all are. */
export function checkTimestampFormat(format: string): string | undefined {
  for (const [code, letter] of format.matchAll(/%(.|$)/gsu)) {
    if (letter === undefined || !(letter in codes)) {
      const known = Object.keys(codes).map(name => `%${name}`)
      return `Error: Invalid 'log_timestamp_format' value: '${code}' is not one of ${known.join(' ')}.`
    }
  }
  return undefined
}

/** Formats local time; every code of `format` must have passed `checkTimestampFormat`. */
export function formatTimestamp(format: string, epochMilliseconds: number): string {
  const time = new Date(epochMilliseconds)
  return format.replace(/%(.)/gsu, (code, letter: string) => codes[letter]?.(time) ?? code)
}

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]

const two = (value: number): string => String(value).padStart(2, '0')
const day = (time: Date): string => days[time.getDay()] as string
const month = (time: Date): string => months[time.getMonth()] as string

const codes: Readonly<Record<string, (time: Date) => string>> = {
  Y: time => String(time.getFullYear()),
  y: time => two(time.getFullYear() % 100),
  m: time => two(time.getMonth() + 1),
  d: time => two(time.getDate()),
  e: time => String(time.getDate()).padStart(2, ' '),
  j: time => String(dayOfYear(time)).padStart(3, '0'),
  H: time => two(time.getHours()),
  I: time => two(time.getHours() % 12 || 12),
  M: time => two(time.getMinutes()),
  S: time => two(time.getSeconds()),
  p: time => (time.getHours() < 12 ? 'AM' : 'PM'),
  s: time => String(Math.floor(time.getTime() / 1000)),
  F: time => `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`,
  T: time => `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`,
  z: offset,
  a: time => day(time).slice(0, 3),
  A: day,
  b: time => month(time).slice(0, 3),
  B: month,
  '%': () => '%',
}

function dayOfYear(time: Date): number {
  const today = Date.UTC(time.getFullYear(), time.getMonth(), time.getDate())
  return (today - Date.UTC(time.getFullYear(), 0, 0)) / 86_400_000
}

function offset(time: Date): string {
  const minutes = -time.getTimezoneOffset()
  const magnitude = Math.abs(minutes)
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(magnitude / 60))}${two(magnitude % 60)}`
}
