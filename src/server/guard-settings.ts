// How guessing and takeovers are slowed down, and how many password checks may wait: from the options that say so, at the
// start and at every reload.

import { type PasswordVerifierSettings, passwordVerifierDefaults } from '../auth/password-verifier.ts'
import { failureThrottleDefaults, type ThrottleSettings, takeoverThrottleDefaults } from '../auth/throttle.ts'
import type { GlobalSettings } from './options.ts'

export function failureThrottle(global: GlobalSettings): ThrottleSettings {
  return {
    ...failureThrottleDefaults,
    freeFailures: global.max_authentication_failures,
    maximumDelayMs: global.authentication_delay_max * 1000,
  }
}

export function takeoverThrottle(global: GlobalSettings): ThrottleSettings {
  return { ...takeoverThrottleDefaults, freeFailures: global.max_takeovers }
}

export function passwordChecks(global: GlobalSettings): PasswordVerifierSettings {
  return { ...passwordVerifierDefaults, maxPending: global.max_pending_authentications }
}
