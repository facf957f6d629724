import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files with servers first, those of a second last, so that no worker waits long for the other's last file. */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const quick = ({ moduleId }: TestSpecification): boolean => /\/test\/(unit|property)\//.test(moduleId);
    const sorted = await super.sort(files);
    return [...sorted.filter((file) => !quick(file)), ...sorted.filter(quick)];
  }
}
