// The options of Mosquitto 2.1 that name plugins or tell them something, a table.

import { empty, noBool, type SpecifiedOptions } from './specified.ts'

const dynamicSecurity = '/usr/lib/mosquitto_dynamic_security.so'
const theirOwn = 'plugin_opt_config_file dynamic-security.json'

export const pluginOptions: SpecifiedOptions = {
  plugin: {
    aliases: ['auth_plugin'],
    scope: 'security',
    preset: [],
    valid: [dynamicSecurity, 'mine.so'],
    with: theirOwn,
    invalid: [empty('plugin')],
    effect: 'test/wire/dynamic-security.test.ts',
  },
  plugin_load: {
    scope: 'global',
    preset: [],
    valid: [`security ${dynamicSecurity}`, 'name mine.so'],
    with: theirOwn,
    invalid: [empty('plugin_load'), ['name', "Error: Empty 'plugin_load' value in configuration."]],
    effect: 'test/wire/plugins.test.ts',
  },
  plugin_use: {
    scope: 'named-listener',
    preset: [],
    valid: ['loaded'],
    invalid: [
      ['other', "Error: Plugin 'other' not previously loaded."],
      ['', "Error: Empty 'plugin_use' value in configuration."],
    ],
    effect: 'test/wire/plugins.test.ts',
  },
  'plugin_opt_*': {
    aliases: ['auth_opt_*'],
    scope: 'plugin',
    valid: ['x'],
    effect: 'test/wire/dynamic-security.test.ts',
  },
  auth_plugin_deny_special_chars: {
    scope: 'plugin',
    preset: true,
    valid: ['true', 'false'],
    invalid: [noBool('auth_plugin_deny_special_chars')],
    effect: 'none',
  },
}
