// Writes PKCS#12 files (RFC 7292) that today's programs open: key and certificates under PBES2 with AES-256, the whole under
// HMAC-SHA256.

import { randomBytes, webcrypto } from 'node:crypto'
import * as asn1 from 'asn1js'
import * as pkijs from 'pkijs'
import { PkiError } from './errors.ts'
import { pemBlocks } from './pem.ts'
import { checkPassphrase } from './private-key.ts'

/** What the passphrase of a file that travels is worth is decided by the passphrase; importers on phones time out beyond. */
const iterations = 100_000

const aes = { name: 'AES-CBC', length: 256 } as const

export interface Pkcs12Contents {
  /** PEM. */
  readonly certificate: string
  readonly chain: string
  readonly root: string
  /** PEM, PKCS#8. */
  readonly privateKey: string
  /** Shown by importers. */
  readonly friendlyName: string
}

/** @throws PkiKeyError for a weak passphrase */
export async function pkcs12(contents: Pkcs12Contents, passphrase: string): Promise<Buffer> {
  checkPassphrase(passphrase)
  const crypto = new pkijs.CryptoEngine({ name: 'node', crypto: webcrypto })
  const password = Uint8Array.from(Buffer.from(passphrase)).buffer
  const keyId = Uint8Array.from(randomBytes(20)).buffer
  const attributes = () => [
    attribute('1.2.840.113549.1.9.20', new asn1.BmpString({ value: contents.friendlyName })),
    attribute('1.2.840.113549.1.9.21', new asn1.OctetString({ valueHex: keyId })),
  ]
  const keyBag = new pkijs.PKCS8ShroudedKeyBag({
    parsedValue: pkijs.PrivateKeyInfo.fromBER(asBuffer(onlyBlock(contents.privateKey, 'PRIVATE KEY'))),
  })
  await keyBag.makeInternalValues(
    { password, contentEncryptionAlgorithm: aes, hmacHashAlgorithm: 'SHA-256', iterationCount: iterations },
    crypto,
  )
  const certificates = [contents.certificate, contents.chain, contents.root]
    .flatMap(pem => pemBlocks(pem, ['CERTIFICATE']))
    .map((der, index) => certificateBag(der, index === 0 ? attributes() : undefined))
  const keys = new pkijs.SafeBag({ bagId: '1.2.840.113549.1.12.10.1.2', bagValue: keyBag, bagAttributes: attributes() })
  const pfx = new pkijs.PFX({
    parsedValue: {
      integrityMode: 0,
      authenticatedSafe: new pkijs.AuthenticatedSafe({
        parsedValue: {
          safeContents: [
            { privacyMode: 1, value: new pkijs.SafeContents({ safeBags: certificates }) },
            { privacyMode: 0, value: new pkijs.SafeContents({ safeBags: [keys] }) },
          ],
        },
      }),
    },
  })
  const safe = pfx.parsedValue?.authenticatedSafe
  if (safe === undefined) throw new PkiError('a PKCS#12 file could not be made')
  const protection = {
    password,
    contentEncryptionAlgorithm: aes,
    hmacHashAlgorithm: 'SHA-256',
    iterationCount: iterations,
  }
  await safe.makeInternalValues({ safeContents: [protection, {}] }, crypto)
  await pfx.makeInternalValues(
    { password, iterations, pbkdf2HashAlgorithm: { name: 'SHA-256' }, hmacHashAlgorithm: 'SHA-256' },
    crypto,
  )
  return Buffer.from(pfx.toSchema().toBER())
}

function certificateBag(der: Buffer, bagAttributes: pkijs.Attribute[] | undefined): pkijs.SafeBag {
  const bagValue = new pkijs.CertBag({ parsedValue: pkijs.Certificate.fromBER(asBuffer(der)) })
  return new pkijs.SafeBag({
    bagId: '1.2.840.113549.1.12.10.1.3',
    bagValue,
    ...(bagAttributes === undefined ? {} : { bagAttributes }),
  })
}

function attribute(type: string, value: asn1.BaseBlock): pkijs.Attribute {
  return new pkijs.Attribute({ type, values: [value] })
}

function onlyBlock(pem: string, label: string): Buffer {
  const [der] = pemBlocks(pem, [label])
  if (der === undefined) throw new PkiError(`there is no '${label}'`)
  return der
}

function asBuffer(der: Buffer): ArrayBuffer {
  return Uint8Array.from(der).buffer
}
