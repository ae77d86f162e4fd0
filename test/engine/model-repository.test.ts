import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findFilterFolders, ModelRepository } from '../../src/engine/model-repository.js';

const TINY = fileURLToPath(new URL('../golden/tiny-bundle/kpcn/1', import.meta.url));

let models: string;

beforeEach(async () => {
  models = await mkdtemp(join(tmpdir(), 'quietframe-models-'));
});

afterEach(async () => {
  await rm(models, { recursive: true });
});

/** A copy of the tiny model under another name and version. */
async function addModel(name: string, version: number): Promise<string> {
  const folder = join(models, name, String(version));
  await cp(TINY, folder, { recursive: true });
  const path = join(folder, 'model.json');
  const manifest = { ...JSON.parse(await readFile(path, 'utf8')), name, version };
  await writeFile(path, JSON.stringify(manifest));
  return folder;
}

describe('ModelRepository', () => {
  it('finds the newest version of a model, the default model, or the one that is named', async () => {
    for (const version of [2, 10, 9]) await addModel('kpcn', version);
    await addModel('other', 1);
    const repository = await ModelRepository.open(models);
    expect(repository.find().manifest).toMatchObject({ name: 'kpcn', version: 10 });
    expect(repository.find('kpcn').manifest.version).toBe(10);
    expect(repository.find('kpcn@9').manifest.version).toBe(9);
    expect(repository.find('other').manifest.name).toBe('other');
  });

  it('has the files of every module', async () => {
    await addModel('kpcn', 1);
    const { manifest, files } = (await ModelRepository.open(models)).find();
    expect(Object.keys(files)).toEqual(Object.keys(manifest.modules));
    expect(files.kernel_logits?.length).toBe(25 * 9 * 4);
  });

  it('leaves networks of other kinds alone', async () => {
    await addModel('kpcn', 1);
    const folder = join(models, 'filters', '1');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'model.json'), '{ "formatVersion": 1, "heads": {} }');
    const { bundles } = await ModelRepository.open(models);
    expect(bundles.map(({ manifest }) => manifest.name)).toEqual(['kpcn']);
  });

  it.each(['nothing', 'kpcn@2', 'kpcn@', '../kpcn'])('does not know %s', async (model) => {
    await addModel('kpcn', 1);
    const repository = await ModelRepository.open(models);
    expect(() => repository.find(model)).toThrow(expect.objectContaining({ code: 'unknown-model' }));
  });

  it('refuses a model with a changed file', async () => {
    const folder = await addModel('kpcn', 1);
    const path = join(folder, 'spatial_features.onnx');
    const bytes = await readFile(path);
    bytes[100] = (bytes[100] as number) ^ 1;
    await writeFile(path, bytes);
    await expect(ModelRepository.open(models)).rejects.toMatchObject({
      code: 'model-damaged',
      message: expect.stringContaining('spatial_features.onnx of model kpcn/1'),
    });
  });

  it('refuses a model without one of its files, or in the folder of another', async () => {
    const folder = await addModel('kpcn', 1);
    await rm(join(folder, 'scale_compositor.onnx'));
    await expect(ModelRepository.open(models)).rejects.toMatchObject({ code: 'model-damaged' });
    await rm(folder, { recursive: true });
    await cp(TINY, join(models, 'kpcn', '3'), { recursive: true });
    await expect(ModelRepository.open(models)).rejects.toMatchObject({ code: 'model-damaged' });
  });

  it('finds bundles of filters by their manifests alone', async () => {
    const shipped = fileURLToPath(new URL('../../models', import.meta.url));
    for (const folder of ['kpcn/2', 'pkn/1']) {
      await mkdir(join(models, folder), { recursive: true });
      await cp(join(shipped, folder, 'model.json'), join(models, folder, 'model.json'));
    }
    await expect(ModelRepository.open(models)).rejects.toMatchObject({ code: 'model-damaged' });
    expect(await findFilterFolders(models)).toEqual([join(models, 'pkn', '1')]);
  });

  it('says when the directory is not there', async () => {
    const missing = ModelRepository.open(join(models, 'missing'));
    await expect(missing).rejects.toMatchObject({ code: 'file-system' });
    await expect(missing).rejects.not.toThrow(models);
  });
});
