/** The lines that an empty notebook shows. */

/** The store that is used where none is named needs no naming. */
export function isUsual(home: string): boolean {
  return home === '~/.notabene';
}

/** A word for a shell, quoted where it needs it. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`;
}

export function firstLines(store: string, home: string) {
  const usual = !store || isUsual(home);
  const where = usual ? '' : `, store=${JSON.stringify(store)}`;
  const option = usual ? '' : ` --store ${shellWord(store)}`;
  const before = usual ? '' : `NOTABENE_STORE=${shellWord(store)} `;
  return {
    python: [
      'import notabene',
      `run = notabene.init("first-steps"${where}, config={"lr": 0.01})`,
      'for step in range(100): run.log({"loss": 1 / (step + 1)})',
    ].join('\n'),
    demo: `notabene demo${option}`,
    run: `${before}notabene run -- python train.py`,
  };
}
