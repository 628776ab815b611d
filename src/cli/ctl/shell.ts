// The shell of `castellan ctl`, which begins where no module is named: commands line by line, to a broker that is connected to
// once. Each is an errand with a connection of its own, so that nothing has to be kept alive while somebody thinks.

import { AppError } from '../../base/errors.ts'
import { escapeText } from '../../base/escape.ts'
import { version } from '../../base/version.ts'
import type { Target } from '../../client/target.ts'
import { Interrupted } from '../secret-input.ts'
import type { Io } from '../verbs.ts'
import { carryOut, findCommand } from './carry-out.ts'
import type { CtlModule } from './command.ts'
import { completions, listNames, type NamedThing } from './completion.ts'
import { CtlUsageError, oldCodes } from './error.ts'
import { type Login, tryLogin } from './exchange.ts'
import { loginOf } from './login.ts'
import { modules } from './modules.ts'
import { shownSyntax, wrongOperands } from './operands.ts'
import type { CtlOptions } from './options.ts'
import { Prompts } from './prompts.ts'
import { ShellInput } from './shell-input.ts'
import { commandLineWords, shellSyntax, splitWords } from './shell-words.ts'

/**
 * Reads and carries out commands until `exit` or the end of the input; with an option that says where the broker is it
 * connects first.
 *
 * @param options what the command line and the options file say
 * @returns for a pipe the first error, if any; a person has seen what went wrong
 */
export async function runShell(
  calledAs: string,
  options: CtlOptions,
  io: Io,
): Promise<AppError | 'nothing was asked' | undefined> {
  const shell = new Shell(calledAs, options, io)
  try {
    return await shell.run()
  } finally {
    shell.close()
  }
}

/** A command of the shell itself. */
interface OwnCommand {
  /** See `readOperands`; each is one word, unless `most` says how many there may be. */
  readonly syntax: string
  readonly most?: number
  readonly does: string
  run(operands: readonly string[]): Promise<void> | void
}

/** One that is connected to. */
interface Connection {
  readonly login: Login
  /** As the prompt has it. */
  readonly place: string
}

class Shell {
  readonly #calledAs: string
  readonly #io: Io
  readonly #input: ShellInput
  readonly #prompts: Prompts
  /** What `auth` and `connect` change. */
  #options: CtlOptions
  #connection: Connection | undefined = undefined
  /** Whose commands are typed; none without a connection. */
  #moduleName: string | undefined = undefined
  #isOver = false
  /** Asked for since the last line. */
  readonly #names = new Map<NamedThing, Promise<readonly string[]>>()

  constructor(calledAs: string, options: CtlOptions, io: Io) {
    this.#calledAs = calledAs
    this.#options = options
    this.#io = io
    this.#input = new ShellInput(io, line => completions(line, this.#completionSource()))
    this.#prompts = new Prompts(this.#input)
  }

  async run(): Promise<AppError | 'nothing was asked' | undefined> {
    const { host, url, unix, port } = this.#options
    let first: AppError | undefined
    const attempt = async (work: () => Promise<void>) => {
      const error = await this.#attempt(work)
      first ??= error
    }
    if (this.#input.isTerminal) this.#say(`${this.#calledAs} shell ${version()}; help lists the commands, exit ends`)
    if ([host, url, unix, port].some(value => value !== undefined)) await attempt(() => this.#connect())
    let asked = 0
    while (!this.#isOver) {
      const line = await this.#nextLine()
      if (line === undefined) break
      if (line.trim() === '' || line.trimStart().startsWith('#')) continue
      asked++
      await attempt(() => this.#perform(line))
    }
    if (this.#input.isTerminal) return undefined
    return asked === 0 ? 'nothing was asked' : first
  }

  close(): void {
    this.#input.close()
  }

  async #nextLine(): Promise<string | undefined> {
    this.#names.clear()
    try {
      const line = await this.#input.line(this.#prompt)
      if (line === undefined && this.#input.isTerminal) this.#say('')
      return line
    } catch (error) {
      if (error instanceof Interrupted) return ''
      throw error
    }
  }

  /** @returns what went wrong, which has been told */
  async #attempt(work: () => Promise<void>): Promise<AppError | undefined> {
    try {
      await work()
      return undefined
    } catch (error) {
      if (error instanceof Interrupted) return undefined
      if (!(error instanceof AppError)) throw error
      this.#say(error.message)
      return error
    }
  }

  #say(line: string): void {
    if (!this.#options.quiet) this.#input.say(line)
  }

  get #prompt(): string {
    const place = this.#connection?.place ?? ''
    return this.#moduleName === undefined ? `${place}> ` : `${place}|${this.#moduleName}> `
  }

  async #perform(line: string): Promise<void> {
    const [word = '', ...operands] = splitWords(line)
    const own = ownNamed(word.toLowerCase(), this.#ownCommands())
    if (own !== undefined) {
      if (operands.length > (own.most ?? own.syntax.split(' ').filter(Boolean).length)) throw wrongOperands(own.syntax)
      return own.run(operands)
    }
    const module = this.#module
    if (module === undefined) throw this.#connection === undefined ? notConnected(word) : unknownCommand(word)
    return this.#carryOut(module, word, operands)
  }

  /** Those that can be typed where the shell is. */
  #ownCommands(): Readonly<Record<string, OwnCommand>> {
    if (this.#connection === undefined) return { ...this.#commandsApart, ...this.#commandsEverywhere }
    const back = this.#moduleName === undefined ? this.#moduleCommands : this.#commandsOfModules
    return { ...back, ...this.#commandsConnected, ...this.#commandsEverywhere }
  }

  readonly #commandsEverywhere: Readonly<Record<string, OwnCommand>> = {
    help: { syntax: 'command?', does: 'lists the commands, or says what one takes', run: ([word]) => this.#help(word) },
    exit: {
      syntax: '',
      does: 'ends the shell',
      run: () => {
        this.#isOver = true
      },
    },
  }

  readonly #commandsApart: Readonly<Record<string, OwnCommand>> = {
    auth: { syntax: 'username?', does: 'asks for name and password to connect with', run: words => this.#auth(words) },
    connect: {
      syntax: 'url?',
      does: 'to mqtt://HOST[:PORT], or mqtts:// for TLS; to this machine where nothing is named',
      run: ([url]) => this.#connect(url),
    },
  }

  readonly #commandsConnected: Readonly<Record<string, OwnCommand>> = {
    disconnect: { syntax: '', does: 'lets go of the broker', run: () => this.#disconnect() },
  }

  readonly #moduleCommands: Readonly<Record<string, OwnCommand>> = Object.fromEntries(
    Object.keys(modules).map(name => [
      name,
      {
        syntax: 'command?',
        most: Number.POSITIVE_INFINITY,
        does: `the commands of ${name}`,
        run: words => this.#enter(name, words),
      } satisfies OwnCommand,
    ]),
  )

  readonly #commandsOfModules: Readonly<Record<string, OwnCommand>> = {
    return: {
      syntax: '',
      does: 'leaves the module',
      run: () => {
        this.#moduleName = undefined
      },
    },
  }

  get #module(): CtlModule | undefined {
    return this.#moduleName === undefined ? undefined : modules[this.#moduleName]
  }

  async #auth([given]: readonly string[]): Promise<void> {
    const username = given ?? (await this.#input.line('username: '))
    if (!username) throw new CtlUsageError('Error: auth needs a username.')
    const password = await this.#prompts.password(`Password for ${escapeText(username)}: `)
    const { passwordFile: _file, passwordEnv: _env, ...rest } = this.#options
    this.#options = { ...rest, username, password }
  }

  async #connect(url?: string): Promise<void> {
    if (url !== undefined) this.#options = optionsFor(url, this.#options)
    const login = await loginOf(this.#options, this.#io.env, this.#prompts)
    await tryLogin(login)
    this.#connection = { login, place: placeOf(login.target) }
  }

  #disconnect(): void {
    this.#connection = undefined
    this.#moduleName = undefined
  }

  async #enter(name: string, [word, ...operands]: readonly string[]): Promise<void> {
    const module = modules[name]
    if (word === undefined) this.#moduleName = name
    // As on the command line.
    else if (module !== undefined) await this.#carryOut(module, word, operands)
  }

  async #carryOut(module: CtlModule, word: string, operands: readonly string[]): Promise<void> {
    if (this.#connection === undefined) throw notConnected(word)
    const command = findCommand(module.commands, word)
    const words = commandLineWords(command[0], operands)
    const json = this.#options.json === true
    const printing = { stdout: this.#io.stdout, json }
    await carryOut(this.#connection.login, module.topic, command, words, this.#prompts, printing)
    if (command[1].lines === undefined && !json) this.#io.stdout.write('OK\n')
  }

  #help(word: string | undefined): void {
    const syntaxes = Object.entries(this.#syntaxes())
    const own = this.#ownCommands()
    const shown = syntaxes.filter(([name]) => word === undefined || name.toLowerCase() === word.toLowerCase())
    if (shown.length === 0) throw unknownCommand(word ?? '')
    for (const [name, syntax] of shown) {
      const line = syntax === '' ? name : `${name} ${shownSyntax(syntax)}`
      const does = own[name]?.does
      this.#io.stdout.write(does === undefined ? `${line}\n` : `${line.padEnd(20)} ${does}\n`)
    }
  }

  /** What every command takes that can be typed where the shell is. */
  #syntaxes(): Readonly<Record<string, string>> {
    const own = Object.entries(this.#ownCommands())
    const commands = Object.entries(this.#module?.commands ?? {})
    return Object.fromEntries([
      ...commands.map(([name, { syntax }]) => [name, shellSyntax[name] ?? syntax]),
      ...own.map(([name, { syntax }]) => [name, syntax]),
    ])
  }

  #completionSource() {
    const syntaxes = this.#syntaxes()
    return {
      commands: Object.keys(syntaxes),
      syntaxOf: (command: string) => syntaxes[command],
      names: (things: NamedThing) => this.#namesOf(things),
    }
  }

  /** Once for a line, however often Tab is pressed. */
  #namesOf(things: NamedThing): Promise<readonly string[]> {
    const known = this.#names.get(things)
    if (known !== undefined) return known
    const names = this.#connection === undefined ? Promise.resolve([]) : listNames(this.#connection.login, things)
    this.#names.set(things, names)
    return names
  }
}

function ownNamed(name: string, commands: Readonly<Record<string, OwnCommand>>): OwnCommand | undefined {
  return Object.hasOwn(commands, name) ? commands[name] : undefined
}

/** What is typed counts, and not what was said before: the place, and the name and password where there are any in it. */
function optionsFor(url: string, options: CtlOptions): CtlOptions {
  const { host: _host, port: _port, unix: _unix, ...rest } = options
  const next = { ...rest, url: url.includes('://') ? url : `mqtt://${url}` }
  if (!url.includes('@')) return next
  const { username: _name, password: _password, passwordFile: _file, passwordEnv: _env, ...others } = next
  return others
}

function unknownCommand(word: string): CtlUsageError {
  return new CtlUsageError(`Unknown command '${escapeText(word, 64)}'; help lists those there are.`, oldCodes.command)
}

/** What is known only while a broker is connected to, as the modules are, is not known here. */
function notConnected(word: string): CtlUsageError {
  const text = `Unknown command '${escapeText(word, 64)}' before connect; help lists those there are.`
  return new CtlUsageError(text, oldCodes.command)
}

function placeOf(target: Target): string {
  if ('path' in target) return escapeText(`unix:${target.path}`)
  const host = target.host.includes(':') ? `[${target.host}]` : target.host
  return escapeText(`${target.tls === undefined ? 'mqtt' : 'mqtts'}://${host}:${target.port}`)
}
