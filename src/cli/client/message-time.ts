// Times in the format of strftime(3) with the names of the C locale, as `mosquitto_sub -F` has them: one character after `@` says
// what is printed.

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const months = [
  ...['January', 'February', 'March', 'April', 'May', 'June', 'July'],
  ...['August', 'September', 'October', 'November', 'December'],
]
const nanosecondsPerMillisecond = 1_000_000n
const nanosecondsPerSecond = 1_000_000_000n
const dayMs = 86_400_000

/** The moment in this machine's zone. */
export function localTime(time: bigint): Date {
  return new Date(Number(time / nanosecondsPerMillisecond))
}

/** The nanoseconds that have passed in the current second: nine digits. */
export function nanoseconds(time: bigint): string {
  return String(time % nanosecondsPerSecond).padStart(9, '0')
}

/** Seconds since the epoch, and nanoseconds. */
export function unixTime(time: bigint): string {
  return `${time / nanosecondsPerSecond}.${nanoseconds(time)}`
}

/** `2016-08-10T09:47:38+0100`. */
export function isoTime(date: Date): string {
  return `${strftime('F', date)}T${strftime('T', date)}${strftime('z', date)}`
}

/**
 * What strftime prints for `%` and one character.
 *
 * @returns the two characters themselves for what is none of its conversions
 */
export function strftime(conversion: string, date: Date): string {
  return conversions.get(conversion)?.(date) ?? `%${conversion}`
}

const two = (value: number) => String(value).padStart(2, '0')
const blank = (value: number) => String(value).padStart(2, ' ')
const clockHour = (date: Date) => date.getHours() % 12 || 12

function all(format: string): (date: Date) => string {
  return date => format.replaceAll(/%(.)/g, (_, conversion: string) => strftime(conversion, date))
}

const conversions: ReadonlyMap<string, (date: Date) => string> = new Map([
  ['%', () => '%'],
  ['a', date => (days[date.getDay()] as string).slice(0, 3)],
  ['A', date => days[date.getDay()] as string],
  ['b', date => (months[date.getMonth()] as string).slice(0, 3)],
  ['B', date => months[date.getMonth()] as string],
  ['c', all('%a %b %e %H:%M:%S %Y')],
  ['C', date => two(Math.floor(date.getFullYear() / 100))],
  ['d', date => two(date.getDate())],
  ['D', all('%m/%d/%y')],
  ['e', date => blank(date.getDate())],
  ['F', all('%Y-%m-%d')],
  ['g', date => two(isoWeek(date).year % 100)],
  ['G', date => String(isoWeek(date).year)],
  ['h', all('%b')],
  ['H', date => two(date.getHours())],
  ['I', date => two(clockHour(date))],
  ['j', date => String(dayOfYear(date) + 1).padStart(3, '0')],
  ['k', date => blank(date.getHours())],
  ['l', date => blank(clockHour(date))],
  ['m', date => two(date.getMonth() + 1)],
  ['M', date => two(date.getMinutes())],
  ['n', () => '\n'],
  ['p', date => (date.getHours() < 12 ? 'AM' : 'PM')],
  ['P', date => (date.getHours() < 12 ? 'am' : 'pm')],
  ['r', all('%I:%M:%S %p')],
  ['R', all('%H:%M')],
  ['s', date => String(Math.floor(date.getTime() / 1000))],
  ['S', date => two(date.getSeconds())],
  ['t', () => '\t'],
  ['T', all('%H:%M:%S')],
  ['u', date => String(date.getDay() || 7)],
  ['U', date => two(Math.floor((dayOfYear(date) + 7 - date.getDay()) / 7))],
  ['V', date => two(isoWeek(date).week)],
  ['w', date => String(date.getDay())],
  ['W', date => two(Math.floor((dayOfYear(date) + 7 - ((date.getDay() + 6) % 7)) / 7))],
  ['x', all('%m/%d/%y')],
  ['X', all('%H:%M:%S')],
  ['y', date => two(date.getFullYear() % 100)],
  ['Y', date => String(date.getFullYear())],
  ['z', zoneOffset],
  ['Z', zoneName],
])

function dayOfYear(date: Date): number {
  return daysBetween(new Date(date.getFullYear(), 0, 1), date)
}

/** Whole days, where summer time begins or ends, too. */
function daysBetween(from: Date, to: Date): number {
  return (midnight(to) - midnight(from)) / dayMs
}

function midnight(date: Date): number {
  return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate())
}

/** ISO 8601: week 1 is the one with the year's first Thursday. */
function isoWeek(date: Date): { readonly year: number; readonly week: number } {
  const toThursday = 4 - (date.getDay() || 7)
  const thursday = new Date(date.getFullYear(), date.getMonth(), date.getDate() + toThursday)
  return { year: thursday.getFullYear(), week: Math.floor(dayOfYear(thursday) / 7) + 1 }
}

function zoneOffset(date: Date): string {
  const minutes = -date.getTimezoneOffset()
  const size = Math.abs(minutes)
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}${two(size % 60)}`
}

/** The runtime knows a zone's short name in the language of those who live there, and an offset everywhere else. */
const regions = ['en-GB', 'en-US', 'en-CA', 'en-AU', 'en-IN']

function zoneName(date: Date): string {
  const names = regions.map(region => {
    const parts = new Intl.DateTimeFormat(region, { timeZoneName: 'short' }).formatToParts(date)
    return parts.find(({ type }) => type === 'timeZoneName')?.value ?? ''
  })
  return names.find(name => !/^GMT[-+]/.test(name)) ?? (names[0] as string)
}
