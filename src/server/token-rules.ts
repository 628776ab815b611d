// What a listener's tokens are judged by, from its options and the files that they name.

import { fetchKeySet } from '../auth/jwt-key-fetch.ts'
import { fetchedKeys, fixedKeys, type TokenKeySource } from '../auth/jwt-key-source.ts'
import { loadTokenKeys, loadTokenSecret, type TokenKey } from '../auth/jwt-keys.ts'
import type { JwtSettings } from '../auth/jwt-options.ts'
import { TokenVerifier } from '../auth/jwt-verifier.ts'
import { wallClock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'

/** @throws TokenKeyError */
export function tokenVerifier(listener: JwtSettings, log: Log): TokenVerifier {
  return new TokenVerifier({
    rules: {
      algorithms: listener.jwt_algorithms ?? [],
      issuer: listener.jwt_issuer,
      audience: listener.jwt_audience,
      skewSeconds: listener.jwt_clock_skew,
      usernameClaim: listener.jwt_username_claim,
      clientIdClaim: listener.jwt_clientid_claim,
      rolesClaim: listener.jwt_roles_claim,
      groupsClaim: listener.jwt_groups_claim,
      aclClaim: listener.jwt_acl_claim,
    },
    keys: keySources(listener, log),
    wallClock,
  })
}

function keySources({ jwt_key_file, jwt_secret_file, jwt_jwks_url }: JwtSettings, log: Log): readonly TokenKeySource[] {
  const keys: TokenKey[] = []
  if (jwt_key_file !== undefined) keys.push(...loadTokenKeys(jwt_key_file))
  if (jwt_secret_file !== undefined) {
    const { key, warnings } = loadTokenSecret(jwt_secret_file)
    for (const line of warnings) log.write('warning', line)
    keys.push(key)
  }
  const sources = [fixedKeys(keys)]
  if (jwt_jwks_url !== undefined) sources.push(fetchedKeys(jwt_jwks_url, { log, wallClock, fetch: fetchKeySet }))
  return sources
}
