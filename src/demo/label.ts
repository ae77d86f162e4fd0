/** Letters of the labels, 5 x 7 pixels, one string a row. */
const GLYPHS: Readonly<Record<string, readonly string[]>> = {
  c: ['.....', '.....', '.###.', '#....', '#....', '#...#', '.###.'],
  d: ['....#', '....#', '.####', '#...#', '#...#', '#...#', '.####'],
  e: ['.....', '.....', '.###.', '#...#', '#####', '#....', '.###.'],
  f: ['..##.', '.#..#', '.#...', '###..', '.#...', '.#...', '.#...'],
  i: ['..#..', '.....', '.##..', '..#..', '..#..', '..#..', '.###.'],
  n: ['.....', '.....', '####.', '#...#', '#...#', '#...#', '#...#'],
  o: ['.....', '.....', '.###.', '#...#', '#...#', '#...#', '.###.'],
  r: ['.....', '.....', '#.##.', '##..#', '#....', '#....', '#....'],
  s: ['.....', '.....', '.####', '#....', '.###.', '....#', '####.'],
  y: ['.....', '#...#', '#...#', '.####', '....#', '#...#', '.###.'],
};
const ADVANCE = 6;
const SCALE = 2;

export const LABEL_HEIGHT = 7 * SCALE;

/** Calls `set` for every pixel of a text whose upper left corner is at (0, 0). Letters that are not known are blank. */
export function drawLabel(text: string, set: (x: number, y: number) => void): void {
  for (const [at, letter] of [...text].entries()) {
    for (const [row, line] of (GLYPHS[letter] ?? []).entries()) {
      for (const [column, mark] of [...line].entries()) {
        if (mark !== '#') continue;
        for (let i = 0; i < SCALE ** 2; i++) {
          set((at * ADVANCE + column) * SCALE + (i % SCALE), row * SCALE + Math.floor(i / SCALE));
        }
      }
    }
  }
}
