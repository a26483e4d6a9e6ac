/** A report as one page of HTML that needs nothing else: no script, no font, no picture from elsewhere. Pure. */
import type { MigrationReport } from '../../client/index.js';
import { Html, html } from './html.js';
import { formatInstant, renderSection } from './parts.js';
import type { Section } from './parts.js';
import { findingsSection } from './sections/findings.js';
import { flowSection } from './sections/flow.js';
import { incidentsSection } from './sections/incidents.js';
import { loadSection } from './sections/load.js';
import { renderHeader, renderNotes, renderTiles } from './sections/overview.js';
import { cutoverSection, stopSection } from './sections/proof.js';
import { eventsSection, messagesSection, specSection, versionsSection } from './sections/record.js';
import { stagesSection } from './sections/stages.js';
import { verificationSection } from './sections/verification.js';
import { STYLE } from './style.js';

/** In the order in which a person wants to know. */
const SECTIONS: ((report: MigrationReport) => Section | undefined)[] = [
  stagesSection,
  loadSection,
  flowSection,
  cutoverSection,
  stopSection,
  verificationSection,
  incidentsSection,
  messagesSection,
  findingsSection,
  versionsSection,
  specSection,
  eventsSection,
];

/** Whatever names and messages hold is text on the page, never part of it. */
export function renderReport(report: MigrationReport): string {
  const sections = SECTIONS.map((sectionOf) => sectionOf(report)).filter((section) => section !== undefined);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="referrer" content="no-referrer" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <title>${report.name} · pgtrek report</title>
        <style>
          ${new Html(STYLE)}
        </style>
      </head>
      <body>
        ${renderHeader(report, sections)}
        <main>${renderTiles(report)} ${renderNotes(report)} ${sections.map(renderSection)}</main>
        <footer>
          Made ${formatInstant(report.madeAt)} by pgtrek ${report.versions.report}. All times are UTC.
        </footer>
      </body>
    </html> `.text;
}
