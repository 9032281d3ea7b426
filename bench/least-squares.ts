/**
 * Fits `y = c0 x0 + c1 x1 + …` to measurements by ordinary least squares, and tells how sure each coefficient is.
 *
 * For a handful of unknowns and a few dozen rows; columns should be of like size.
 */

export interface Fitted {
  readonly value: number;
  /** Half of its 95 % interval, by two standard errors. */
  readonly error: number;
}

/** @throws where the rows do not tell the unknowns apart, or leave nothing to judge the noise by. */
export function leastSquares(rows: readonly (readonly number[])[], ys: readonly number[]): readonly Fitted[] {
  const unknowns = rows[0]?.length ?? 0;
  const spare = rows.length - unknowns;
  if (spare < 1) throw new Error(`${rows.length} measurements say nothing about ${unknowns} unknowns and the noise`);
  const inverse = inverted(product(transposed(rows), rows));
  const moments = transposed(rows).map((column) => dot(column, ys));
  const values = inverse.map((row) => dot(row, moments));
  const noise = rows.reduce((sum, row, at) => sum + (cell(ys, at) - dot(row, values)) ** 2, 0) / spare;
  return values.map((value, at) => ({ value, error: 2 * Math.sqrt(noise * cell(inverse[at] ?? [], at)) }));
}

type Matrix = readonly (readonly number[])[];

function transposed(matrix: Matrix): Matrix {
  return (matrix[0] ?? []).map((_, at) => matrix.map((row) => cell(row, at)));
}

function product(left: Matrix, right: Matrix): Matrix {
  const columns = transposed(right);
  return left.map((row) => columns.map((column) => dot(row, column)));
}

/** By Gauss and Jordan, with the largest pivot. */
function inverted(matrix: Matrix): Matrix {
  const size = matrix.length;
  let work = matrix.map((row, at) => [...row, ...row.map((_, other) => (other === at ? 1 : 0))]);
  for (let at = 0; at < size; at += 1) {
    const [pivot = []] = work.slice(at).sort((a, b) => Math.abs(cell(b, at)) - Math.abs(cell(a, at)));
    if (Math.abs(cell(pivot, at)) < 1e-9) throw new Error('the measurements do not tell the unknowns apart');
    const unit = pivot.map((each) => each / cell(pivot, at));
    const rest = work.filter((row) => row !== pivot);
    const cleared = rest.map((row) => row.map((each, column) => each - cell(row, at) * cell(unit, column)));
    work = [...cleared.slice(0, at), unit, ...cleared.slice(at)];
  }
  return work.map((row) => row.slice(size));
}

function dot(left: readonly number[], right: readonly number[]): number {
  return left.reduce((sum, each, at) => sum + each * cell(right, at), 0);
}

function cell(row: readonly number[], at: number): number {
  return row[at] ?? Number.NaN;
}
