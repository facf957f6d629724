import { OPTIONS, type OptionSpec } from '../../config/options.js';

const SPECS: readonly OptionSpec[] = Object.values(OPTIONS);

/** How yargs asks, from the completion script, what could follow. */
export const COMPLETING = '--get-yargs-completions';

const specOf = (part: string): OptionSpec | undefined => {
  const name = part.replace(/^--?/, '');
  return SPECS.find(({ flag, alias }) => name === flag || name === alias);
};

/** How many arguments after `part` belong to it: the value of an option, unless an equals sign brings it. */
function valuesOf(part: string, next: string | undefined): 0 | 1 {
  const spec = specOf(part);
  if (spec === undefined || next === undefined) return 0;
  if (spec.kind === 'flag') return next === 'true' || next === 'false' ? 1 : 0;
  // A value that is missing is complained of later; what follows is no value then.
  return next.startsWith('-') ? 0 : 1;
}

/** The indexes of the arguments that are neither options nor values of options, up to `--`. */
export function positionalsOf(argv: readonly string[]): number[] {
  const found: number[] = [];
  for (let index = 0; index < argv.length; index += 1) {
    const part = argv[index]!;
    if (part === '--') break;
    if (part.startsWith('-') && part !== '-') index += valuesOf(part, argv[index + 1]);
    else found.push(index);
  }
  return found;
}

/** The same command line with its first positional, the command, in front: options may stand on either side of it. */
export function commandFirst(argv: readonly string[]): readonly string[] {
  const [at] = argv.includes(COMPLETING) ? [] : positionalsOf(argv);
  return at === undefined ? argv : [argv[at]!, ...argv.slice(0, at), ...argv.slice(at + 1)];
}
