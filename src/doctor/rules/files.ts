// Who else may read or change what the broker relies on.

import { quoted, type Rule, word } from '../finding.ts'
import { shownMode } from '../look.ts'

const groupOrOthersRead = 0o044
const othersRead = 0o004
const othersWrite = 0o002

/** Where distributions put plugins. */
const systemDirectories = ['/usr/lib/', '/usr/lib64/', '/lib/', '/lib64/', '/usr/local/lib/']

export const fileRules: readonly Rule[] = [
  {
    id: 'D03',
    severity: 'critical',
    title: 'a file with secrets that others may read',
    why: 'Every account of the machine, and every program that somebody talks into reading a file, has the key, the hashes or the rules.',
    fix: 'chmod 0600 FILE, owned by the user that the broker runs as',
    check: ({ modes }) =>
      modes
        .filter(({ kind, mode = 0 }) => (mode & (kind === 'key' ? groupOrOthersRead : othersRead)) !== 0)
        .map(({ setting, path, mode = 0 }) => ({
          place: setting,
          evidence: `${quoted(path)} of ${setting.name} has mode ${shownMode(mode)}`,
          fix: `chmod 0600 ${word(path, 'FILE')}, owned by the user that the broker runs as`,
        })),
  },
  {
    id: 'D23',
    severity: 'high',
    title: 'a plugin that others may replace, or that lies where no package puts one',
    why: 'A plugin is code that runs with all that the broker may do.',
    fix: 'install it below /usr/lib, owned by root, mode 0755 or less',
    check: ({ pluginFiles }) =>
      pluginFiles.flatMap(({ plugin, mode = 0, directoryMode = 0 }) => {
        const faults = [
          ...(((mode | directoryMode) & othersWrite) !== 0 ? ['everybody may write it or its directory'] : []),
          ...(systemDirectories.some(directory => plugin.path.startsWith(directory))
            ? []
            : ['it is outside the directories of the system']),
        ]
        return faults.map(fault => ({ place: plugin.place, evidence: `${quoted(plugin.path)}: ${fault}` }))
      }),
  },
  {
    id: 'D33',
    severity: 'medium',
    title: 'sessions and messages are kept where others read them, or where a restart forgets them',
    why: 'What waits for clients, retained messages and wills lie there as they were sent; a file system in memory is empty after a restart.',
    fix: 'persistence_location /var/lib/mosquitto/, with: chmod 0700 /var/lib/mosquitto',
    check: ({ persistence }) => {
      if (persistence === undefined) return []
      const { setting, mode, isInMemory } = persistence
      const faults = [
        ...((mode & othersRead) !== 0 ? [`has mode ${shownMode(mode)}`] : []),
        ...(isInMemory ? ['is in memory (tmpfs)'] : []),
      ]
      return faults.map(fault => ({ place: setting, evidence: `${quoted(setting.value)} ${fault}` }))
    },
  },
  {
    id: 'D35',
    severity: 'medium',
    title: 'the broker runs as root',
    why: 'Whoever finds a hole in it or in a plugin owns the machine.',
    fix: 'user mosquitto',
    check: ({ configuration }) => {
      const setting = configuration.globals.last('user')
      return setting?.value === 'root' ? [{ place: setting, evidence: 'user root' }] : []
    },
  },
]
