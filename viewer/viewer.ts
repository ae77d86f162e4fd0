import { Comparison } from './compare.js';
import { connectControls } from './controls.js';
import { ShotOpener } from './files.js';
import { FrameDisplay } from './frame-display.js';
import { Jobs } from './jobs.js';
import { connectKeys } from './keys.js';
import { LambdaPreview } from './lambda-preview.js';
import { LookInside } from './look-inside.js';
import { closeErrors, explain, setStatus, showError } from './messages.js';
import { byId, select } from './page.js';
import { Brush } from './paint.js';
import { Pictures } from './pictures.js';
import { Playback } from './playback.js';
import { ResultSaver } from './save-result.js';
import { Screen } from './screen.js';
import { Service } from './service.js';
import { Stage } from './stage.js';
import { State } from './state.js';

/** Puts the parts of the page together. @throws Error where the browser has no WebGL 2. */
function startViewer(): void {
  const screen = new Screen(byId('canvas'));
  const service = new Service();
  const state = new State(screen.canvas);
  const display = new FrameDisplay(state, new Pictures(), screen);
  const preview = new LambdaPreview(state, display, service);
  const brush = new Brush(state, display);
  const stage = new Stage(state, display, preview, brush, new LookInside(state, display, service));
  const jobs = new Jobs(state, display, service);
  const playback = new Playback(state, display);
  const saver = new ResultSaver(state, display);
  new Comparison(state, display);
  new ShotOpener(state, display, jobs, playback);
  const signIn = (token: string): void => {
    service.token = token;
    void listModels(service);
  };
  const parts = { state, display, jobs, preview, playback, stage, saver, signIn };
  connectControls(parts);
  connectKeys(parts);
  void listModels(service);
}

async function listModels(service: Service): Promise<void> {
  try {
    const models = await service.models();
    select('model').replaceChildren(...models.map((name) => new Option(name, name)));
    if (byId('toasts').childElementCount === 0) return;
    closeErrors();
    setStatus('The service answers');
  } catch (error) {
    showError(error);
  }
}

try {
  startViewer();
} catch (error) {
  byId('hint').textContent = explain(error)[0];
}
