import { resolveLayers } from '../src/frame/layers/resolve-layers.js';
import { button, byId, duration, rowOf } from './page.js';
import { MAPS, type Result, type Source } from './state.js';

/** Fills the table of channels with the role of each. */
export function listChannels(source: Source, result: Result | undefined): void {
  const parts = result?.source.parts ?? source.parts;
  const { uses, source: renderer } = resolveLayers(source.parts);
  const rows = parts.flatMap(({ channels }, part) =>
    channels.map(({ name }) => {
      const roles = uses
        .filter((use) => use.part === part && use.channel === name)
        .map(({ usedAs }) => usedAs);
      return rowOf(name, roles.join(', ') || (MAPS.test(name) ? 'map' : 'kept'));
    }),
  );
  byId('channels').replaceChildren(rowOf('Renderer', renderer), ...rows);
}

/** Shows the report of a result: model, predicted error, warnings and timings. */
export function showReport(result: Result | undefined): void {
  for (const id of ['save-exr', 'save-png']) button(id).disabled = result === undefined;
  const report = result?.report;
  const error =
    report?.predictedError === undefined ? '' : `, SMAPE ${report.predictedError.smape.toFixed(4)}`;
  byId('report').textContent =
    report === undefined
      ? ''
      : `${report.model}@${report.version} on ${report.device}, ${report.windowUsed} frame${report.windowUsed === 1 ? '' : 's'}, lambda ${result?.lambda}${report.wrap === 'x' ? ', borders joined' : ''}${error}`;
  byId('warnings').replaceChildren(
    ...(report?.warnings ?? []).map(({ code, message }) => {
      const item = document.createElement('li');
      item.textContent = `${code}: ${message}`;
      item.title = message;
      return item;
    }),
  );
  const timings = Object.entries(report?.stages ?? {}).map(([stage, seconds]) =>
    rowOf(stage, duration(seconds)),
  );
  byId('timings').replaceChildren(...timings);
  byId('total').textContent = report?.seconds === undefined ? '' : `: ${duration(report.seconds)}`;
  byId('timings-all').hidden = report === undefined;
}
