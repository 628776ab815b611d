// The reference of the doctor's rules, made from the table that the program itself walks.

import type { Rule } from '../src/doctor/finding.ts'
import { rules } from '../src/doctor/rules.ts'
import { leastScores, mostWeighed, weights } from '../src/doctor/score.ts'

/** The text of docs/reference/doctor.md. */
export function doctorPage(): string {
  return `${[introduction, scores(), table(), ...rules.map(section)].join('\n\n')}\n`
}

const introduction = `# Rules of \`castellan doctor\`

Made by \`npm run docs\` from the rules in \`src/doctor/rules\`. How the doctor is called is in [doctor.md](../doctor.md).`

function scores(): string {
  const costs = Object.entries(weights).map(([severity, points]) => `${severity} ${points}`)
  const grades = leastScores.map(([grade, least]) => `${grade} from ${least}`)
  return `The score is 100 less the points of the findings: ${costs.join(', ')}. Of one rule the ${mostWeighed} dearest count at most. Grades:
${grades.join(', ')}, F below; any critical finding keeps the grade at D.`
}

function table(): string {
  const rows = rules.map(
    ({ id, severity, title, probe }) => `| ${id} | ${severity} | ${title} | ${probe === undefined ? '' : 'yes'} |`,
  )
  return ['| rule | severity | what it finds | asked of running brokers |', '|---|---|---|---|', ...rows].join('\n')
}

function section({ id, title, why, fix }: Rule): string {
  return `## ${id}\n\n${title.replace(/^./, letter => letter.toUpperCase())}.\n\n- Why: ${why}\n- Fix: ${fix}`
}
