// Debian's slapd with a directory of its own, as an administrator would set it up; that it takes a bind without a password for an
// anonymous one, and says that it succeeded, is on purpose.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { Client } from 'ldapts'
import type { CertificateFiles } from './authority.ts'
import { freePort } from './free-port.ts'
import { runProgram, startProgram } from './line-process.ts'

type Cleanup = Pick<TestContext, 'after'>

export const ldapNames = {
  people: 'ou=people,dc=example',
  groups: 'ou=groups,dc=example',
  broker: 'cn=broker,dc=example',
  /** Of the broker's account, and of each user. */
  password: 'geheim ß',
} as const

const administrator = { dn: 'cn=root,dc=example', password: 'of the administrator' } as const

export interface LdapServer {
  /** ldap:// */
  readonly plainUrl: string
  /** ldaps:// */
  readonly url: string
  /** Something that its administrator does. */
  change(work: (client: Client) => Promise<unknown>): Promise<void>
}

/** Starts it with the users alice, bob, and one whose name is syntax; alice is in the group ops. */
export async function startLdapServer(t: Cleanup, { cert, key }: CertificateFiles): Promise<LdapServer> {
  const dir = await mkdtemp(join(tmpdir(), 'castellan-ldap-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  await mkdir(join(dir, 'db'))
  await writeFile(join(dir, 'slapd.conf'), configuration(dir, cert, key))
  await writeFile(join(dir, 'entries.ldif'), entries())
  const added = await runProgram(t, '/usr/sbin/slapadd', ['-f', 'slapd.conf', '-l', 'entries.ldif'], { cwd: dir })
  const { code } = await added.exit()
  if (code !== 0) throw new Error(`slapadd failed${added.report()}`)
  const plainUrl = `ldap://localhost:${await freePort()}`
  const url = `ldaps://localhost:${await freePort()}`
  const args = ['-f', 'slapd.conf', '-h', `${plainUrl}/ ${url}/`, '-d', '0x100']
  const server = startProgram(t, '/usr/sbin/slapd', args, { cwd: dir })
  await server.waitForLine(/slapd starting/)
  return {
    plainUrl,
    url,
    async change(work) {
      const client = new Client({ url: plainUrl })
      await client.bind(administrator.dn, administrator.password)
      await work(client)
      await client.unbind()
    },
  }
}

function configuration(dir: string, cert: string, key: string): string {
  return `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile ${dir}/slapd.pid
argsfile ${dir}/slapd.args
allow bind_anon_dn
TLSCertificateFile ${cert}
TLSCertificateKeyFile ${key}
TLSVerifyClient never
database mdb
maxsize 10485760
suffix "dc=example"
rootdn "${administrator.dn}"
rootpw "${administrator.password}"
directory ${dir}/db
access to attrs=userPassword by * auth
access to * by users read
`
}

function entries(): string {
  const { people, groups, broker, password } = ldapNames
  const secret = `userPassword:: ${Buffer.from(password).toString('base64')}`
  const person = (rdn: string, uid: string) =>
    `dn: ${rdn},${people}\nobjectClass: inetOrgPerson\nuid: ${uid}\ncn: ${uid}\nsn: ${uid}\n${secret}\n`
  const unit = (dn: string, ou: string) => `dn: ${dn}\nobjectClass: organizationalUnit\nou: ${ou}\n`
  return [
    'dn: dc=example\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n',
    unit(people, 'people'),
    unit(groups, 'groups'),
    `dn: ${broker}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: broker\n${secret}\n`,
    person('uid=alice', 'alice'),
    person('uid=bob', 'bob'),
    person('uid=a\\2cou\\3db\\29\\28\\2a', 'a,ou=b)(*'),
    `dn: cn=ops,${groups}\nobjectClass: groupOfNames\ncn: ops\nmember: uid=alice,${people}\n`,
  ].join('\n')
}
