// Writes the pages of docs/ that are made from the code: errors, findings and the command reference.
// `npm run docs`; a unit test fails when a page is not what this would write.

import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const NOTE = (from) =>
  `<!-- Made from ${from} by \`npm run docs\`. Change it there, not here: a test compares the two. -->`;

const EXIT = {
  0: 'Done. For `plan` and `verify`: everything holds.',
  1: 'Done, and the answer is no: a blocking finding, or a difference.',
  2: 'Wrong usage, configuration or preconditions. No row was touched.',
  3: 'Could not finish. Nothing is lost. The same command continues where it stopped.',
  4: 'Inconclusive: something could not be compared, so the answer is neither yes nor no.',
  70: 'A bug in `migrate`.',
  130: 'Stopped by Ctrl-C (SIGINT) at a clean point. The same command continues.',
  143: 'Stopped by SIGTERM at a clean point. The same command continues.',
};

const AREAS = {
  usage: 'Usage and configuration',
  connection: 'Connections',
  server: 'Servers',
  plan: 'The plan',
  dump: 'The dump directory',
  load: 'The load',
  capture: 'The capture of changes',
  ownership: 'Who takes the writes',
  cutover: 'Cut-over and rollback',
  verify: 'Verification',
  run: 'The run',
  bug: 'Bugs',
};

const SEVERITIES = {
  blocker: ['Blockers', '`migrate plan` exits with 1, and every other command refuses the plan.'],
  warning: ['Warnings', 'The move works; something about the application or the cluster changes.'],
  info: ['Notes', 'Good to know.'],
};

const page = (...parts) => `${parts.flat().join('\n\n')}\n`;
const cell = (text) => text.replaceAll('|', '\\|');
const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n');

function errorsPage(errors) {
  const entries = Object.entries(errors);
  const sections = Object.entries(AREAS).flatMap(([area, title]) => {
    const mine = entries.filter(([, entry]) => entry.area === area);
    if (mine.length === 0) return [];
    return [
      `## ${title}`,
      ...mine.flatMap(([code, { what, advice, exit }]) => [
        `### ${code}`,
        `${what} ${advice}`,
        `Exit code ${exit}.`,
      ]),
    ];
  });
  return page(
    '# Errors',
    NOTE('src/core/error-codes.ts'),
    'Every error that a command ends with has one of these codes. It stands in brackets below the message, and under `error.code` with `--json`. The message itself names what it was about; this page says what kind of thing happened and what to do.',
    'A code keeps its meaning from release to release. Scripts may rely on codes and exit codes, not on messages.',
    sections,
  );
}

function findingsPage(findings) {
  const entries = Object.entries(findings);
  const sections = Object.entries(SEVERITIES).flatMap(([severity, [title, meaning]]) => [
    `## ${title}`,
    meaning,
    ...entries
      .filter(([, entry]) => entry.severity === severity)
      .flatMap(([code, { what, consequence, remedy }]) => [
        `### ${code}`,
        `${what}`,
        `Consequence: ${consequence}`,
        `What to do: ${remedy}`,
      ]),
  ]);
  return page(
    '# Findings',
    NOTE('src/plan/finding-codes.ts'),
    'What `migrate plan` can report. A word in braces, such as {table}, stands for what was found in your database.',
    sections,
  );
}

function optionRow({ flag, alias, placeholder, optional, kind, choices, describe, shownDefault, env, key }) {
  const shown = choices ? choices.join('\\|') : placeholder;
  const value = kind === 'flag' ? '' : optional ? ` [${shown}]` : ` ${shown}`;
  return [
    `${alias ? `\`-${alias}\`, ` : ''}\`--${flag}${value.replaceAll('\\|', '|')}\``,
    describe,
    shownDefault ?? '',
    env ? `\`${env}\`` : '',
    `\`${key}\``,
  ];
}

/** Keys that only the command line has are not shown as keys of the file. */
function optionTable(specs, fileKeys) {
  return table(
    ['option', 'meaning', 'default', 'environment', 'key in the file'],
    specs.map((spec) => {
      const row = optionRow(spec);
      return fileKeys.includes(spec.key.split('.')[0]) ? row : [...row.slice(0, 4), ''];
    }),
  );
}

function referencePage({ commands, options, everywhere, fileKeys }) {
  const sections = commands.flatMap(({ name, summary, options: own, required = [], examples }) => [
    `## migrate ${name}`,
    `${summary}.`,
    ...(required.length > 0
      ? [`Needs ${required.map((option) => `\`--${options[option].flag}\``).join(', ')}.`]
      : []),
    ...(own.length > 0
      ? [
          optionTable(
            own.map((option) => options[option]),
            fileKeys,
          ),
        ]
      : ['It has the options that every command has.']),
    `\`\`\`sh\n${examples.map(([line, text]) => `# ${text}\n${line}`).join('\n\n')}\n\`\`\``,
  ]);
  return page(
    '# Commands and options',
    NOTE('src/config/options.ts and src/cli/commands/'),
    '`migrate help COMMAND` shows the same on a terminal. `migrate completion` prints a completion script for bash or zsh.',
    table(
      ['command', 'does'],
      commands.map(({ name, summary }) => [`\`migrate ${name}\``, summary]),
    ),
    '## Options of every command',
    'A flag wins over an environment variable, that over the configuration file, that over the default.',
    optionTable(
      everywhere.map((option) => options[option]),
      fileKeys,
    ),
    '## Exit codes',
    table(['code', 'meaning'], Object.entries(EXIT)),
    sections,
  );
}

/** File name → text of every generated page. Pure: the test gives it the sources, `npm run docs` the built code. */
export function pages({ errors, findings, ...reference }) {
  return {
    'docs/errors.md': errorsPage(errors),
    'docs/findings.md': findingsPage(findings),
    'docs/reference.md': referencePage(reference),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [{ ERROR_CODES }, { FINDINGS }, { COMMANDS }, { OPTIONS, EVERYWHERE }, { knownKeys }] =
    await Promise.all(
      [
        'core/error-codes',
        'plan/finding-codes',
        'cli/commands/index',
        'config/options',
        'config/file-schema',
      ].map((name) => import(new URL(`../dist/${name}.js`, import.meta.url).href)),
    );
  const made = pages({
    errors: ERROR_CODES,
    findings: FINDINGS,
    commands: COMMANDS,
    options: OPTIONS,
    everywhere: EVERYWHERE,
    fileKeys: knownKeys([]),
  });
  for (const [file, text] of Object.entries(made)) {
    const path = new URL(`../${file}`, import.meta.url);
    let old = '';
    try {
      old = readFileSync(path, 'utf8');
    } catch {
      // A page that does not exist yet.
    }
    if (old !== text) writeFileSync(path, text);
    console.log(`${old === text ? 'current' : 'written'}  ${file}`);
  }
}
