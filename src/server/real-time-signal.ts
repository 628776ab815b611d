// SIGRTMIN, by which Mosquitto opens its log file anew: Node has no name for real-time signals, so this stands on the handle
// that it makes for the others, with the type that it has in the versions tried.

import { createHook } from 'node:async_hooks'

/** Node's `Signal`. Functions return 0, or a negative error number. */
interface SignalHandle {
  onsignal: () => void
  start(signal: number): number
  unref(): void
  close(): void
}

type SignalClass = new () => SignalHandle

/** Its number with glibc, and with musl, which keeps the first of these for itself and lets nobody have it. */
const numbers = [34, 35]

/**
 * Has `act` called for each SIGRTMIN, which without this ends the process.
 *
 * @returns whether this Node and this system can
 */
export function onRealTimeSignal(act: () => void): boolean {
  const Signal = signalClass()
  if (Signal === undefined) return false
  try {
    const handle = new Signal()
    handle.onsignal = act
    handle.unref()
    if (numbers.some(number => handle.start(number) === 0)) return true
    handle.close()
  } catch {
    // It is not what it was.
  }
  return false
}

/** Of the handle that Node makes for a signal which nothing else listens to, and which does nothing by itself. */
function signalClass(): SignalClass | undefined {
  let found: SignalClass | undefined
  const init = (_id: number, type: string, _trigger: number, resource: object) => {
    if (type === 'SIGNALWRAP') found = resource.constructor as SignalClass
  }
  // Once promises are watched, each costs a third more for as long as the process lives.
  const hook = createHook({ init, trackPromises: false })
  const nothing = () => {}
  hook.enable()
  process.on('SIGURG', nothing)
  hook.disable()
  process.off('SIGURG', nothing)
  return found
}
