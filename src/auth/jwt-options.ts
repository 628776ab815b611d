// The options of a listener that takes JSON Web Tokens, and what of them does not go together.

import { type ListenerScope, option, type Settings } from '../config/option.ts'
import { integer, path, text } from '../config/value.ts'
import { algorithmList, isShared } from './jwt-algorithms.ts'
import { isKeySetUrl } from './jwt-key-fetch.ts'

export const jwtOptions = {
  jwt_acl_claim: option({
    scope: 'listener',
    value: text({ syntax: '<claim>', replace: true }),
    default: undefined,
    reload: 'live',
    doc: 'The claim of a token that says what its client may do and nothing else, `{"publish": [<filter>, …], "subscribe": […]}` with 128 filters each at most; no ACL file and no role is asked then. A token without it is refused.',
    own: true,
  }),
  jwt_algorithms: option({
    scope: 'listener',
    value: algorithmList(),
    default: undefined,
    reload: 'live',
    doc: 'The algorithms that tokens may be signed with, of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA and Ed25519; has to be given where tokens are taken. Each key verifies those of its own kind, and no other.',
    own: true,
  }),
  jwt_audience: option({
    scope: 'listener',
    value: text({ replace: true }),
    default: undefined,
    reload: 'live',
    doc: 'What has to be among the audiences (`aud`) of a token.',
    own: true,
  }),
  jwt_clientid_claim: option({
    scope: 'listener',
    value: text({ syntax: '<claim>', replace: true }),
    default: undefined,
    reload: 'live',
    doc: 'The claim of a token that the client id has to be equal to. Without it a token is good for any client id.',
    own: true,
  }),
  jwt_clock_skew: option({
    scope: 'listener',
    value: integer({ minimum: 0, maximum: 300 }),
    default: 30,
    reload: 'live',
    doc: 'Seconds by which the clocks of the broker and the issuer may differ: a token counts that much earlier (`nbf`) and longer (`exp`).',
    own: true,
  }),
  jwt_groups_claim: option({
    scope: 'listener',
    value: text({ syntax: '<claim>', replace: true }),
    default: undefined,
    reload: 'live',
    doc: 'The claim of a token with groups of dynamic security, whose roles its client has while the token counts: a list of 64 names at most, or one name.',
    own: true,
  }),
  jwt_issuer: option({
    scope: 'listener',
    value: text({ replace: true }),
    default: undefined,
    reload: 'live',
    doc: 'What the issuer (`iss`) of a token has to be, letter by letter.',
    own: true,
  }),
  jwt_jwks_url: option({
    scope: 'listener',
    value: text({
      syntax: '<https url>',
      replace: true,
      refuse: url =>
        isKeySetUrl(url)
          ? undefined
          : "Error: Invalid 'jwt_jwks_url' value: it has to be https, or http on this machine, and without a password.",
    }),
    default: undefined,
    reload: 'live',
    doc: 'JSON Web Key Set with the public keys of the issuer. Fetched with the first token, again when it is ten minutes old and, at most twice a minute, when a token names a key that is not in it. Needs `jwt_issuer` and `jwt_audience`.',
    own: true,
  }),
  jwt_key_file: option({
    scope: 'listener',
    value: path({ replace: true }),
    default: undefined,
    reload: 'live',
    doc: 'Public keys of the issuer: PEM, several one after the other, or a JSON Web Key Set. Clients can log in with a token as their password.',
    own: true,
  }),
  jwt_roles_claim: option({
    scope: 'listener',
    value: text({ syntax: '<claim>', replace: true }),
    default: undefined,
    reload: 'live',
    doc: 'The claim of a token with roles of dynamic security, which its client has while the token counts: a list of 64 names at most, or one name. Names that dynamic security does not know give nothing.',
    own: true,
  }),
  jwt_secret_file: option({
    scope: 'listener',
    value: path({ replace: true }),
    default: undefined,
    reload: 'live',
    doc: 'Secret, of 32 bytes or more, that tokens of the HS algorithms are signed with. Whoever has it can be anybody: rather use `jwt_key_file`.',
    own: true,
  }),
  jwt_username_claim: option({
    scope: 'listener',
    value: text({ syntax: '<claim>', replace: true }),
    default: 'sub',
    reload: 'live',
    doc: 'The claim of a token that is the user name. A user name in CONNECT has to be the same, empty or left out.',
    own: true,
  }),
}

export type JwtSettings = Settings<typeof jwtOptions, ListenerScope>

/** Whether clients may log in with a token. */
export function takesTokens({ jwt_key_file, jwt_secret_file, jwt_jwks_url }: JwtSettings): boolean {
  return [jwt_key_file, jwt_secret_file, jwt_jwks_url].some(source => source !== undefined)
}

interface NamesFromTls {
  readonly use_identity_as_username: boolean
  readonly use_subject_as_username: boolean
  readonly certificate_username: unknown
}

/** @returns why a listener cannot be as it is described; undefined where it can */
export function tokenFault(listener: JwtSettings & NamesFromTls): string | undefined {
  const { jwt_algorithms: algorithms, jwt_jwks_url: url, jwt_issuer: issuer, jwt_audience: audience } = listener
  if (!takesTokens(listener)) {
    const { jwt_clientid_claim, jwt_roles_claim, jwt_groups_claim, jwt_acl_claim } = listener
    const claims = [jwt_clientid_claim, jwt_roles_claim, jwt_groups_claim, jwt_acl_claim]
    const isAskedFor = [algorithms, issuer, audience, ...claims].some(value => value !== undefined)
    return isAskedFor ? 'Error: Tokens need a key: add jwt_key_file, jwt_jwks_url or jwt_secret_file.' : undefined
  }
  if (algorithms === undefined) return 'Error: Tokens need jwt_algorithms, the algorithms that they may be signed with.'
  if (url !== undefined && (issuer === undefined || audience === undefined)) {
    return 'Error: jwt_jwks_url needs jwt_issuer and jwt_audience: the tokens of its keys may be for others.'
  }
  if (algorithms.some(isShared) !== (listener.jwt_secret_file !== undefined)) {
    return 'Error: The HS algorithms of jwt_algorithms and jwt_secret_file go together.'
  }
  const { use_identity_as_username, use_subject_as_username, certificate_username } = listener
  if (use_identity_as_username || use_subject_as_username || certificate_username !== undefined) {
    return 'Error: Tokens cannot be used where the certificate or key says the user name; certificate_username_match goes with them.'
  }
  return undefined
}

/**
 * Claims that would give nothing, while somebody relies on them.
 *
 * @param hasDirectory whether the listener has dynamic security
 * @returns as `tokenFault`
 */
export function claimFault(listener: JwtSettings, hasDirectory: boolean): string | undefined {
  const { jwt_roles_claim: roles, jwt_groups_claim: groups, jwt_acl_claim: acl } = listener
  if (roles === undefined && groups === undefined) return undefined
  if (!hasDirectory) {
    return 'Error: jwt_roles_claim and jwt_groups_claim need the plugin of dynamic security: without it there are no roles.'
  }
  return acl === undefined
    ? undefined
    : 'Error: jwt_acl_claim says all that a client may do: remove it, or jwt_roles_claim and jwt_groups_claim.'
}
