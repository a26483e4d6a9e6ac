/** The workflow code as one bundle: shipped with the package, built once per process from source. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, bundleWorkflowCode } from '@temporalio/worker';
import type { Logger, WorkflowBundleOption } from '@temporalio/worker';

const SHIPPED = fileURLToPath(new URL('../workflows.bundle.js', import.meta.url));
/** From dist/ the shipped bundle is beside us; from source there is none. */
const SOURCE = workflowFile('index');
const PAYLOAD_CONVERTER = workflowFile('payload-converter');

function workflowFile(name: string): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return fileURLToPath(new URL(`../workflows/${name}.${extension}`, import.meta.url));
}

let built: Promise<{ code: string }> | undefined;

/** PGTREK_WORKFLOW_BUNDLE names one that was built before, by exactly this version. */
export async function workflowBundle(logger?: Logger): Promise<WorkflowBundleOption> {
  const given = process.env.PGTREK_WORKFLOW_BUNDLE;
  if (given) return { codePath: given };
  if (existsSync(SHIPPED)) return { codePath: SHIPPED };
  built ??= buildBundle(logger);
  return built;
}

/** Without a logger only problems are told. */
export async function buildBundle(logger: Logger = new DefaultLogger('WARN')): Promise<{ code: string }> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: SOURCE,
    payloadConverterPath: PAYLOAD_CONVERTER,
    logger,
  });
  return { code };
}
