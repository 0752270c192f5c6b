// Runs every case of http-cache-tests against a cache, and prints what became of each as JSON.
// node run_suite.mjs FOLDER_OF_THE_PACKAGE URL_OF_THE_CACHE
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

import more from './more_cases.mjs'

const [folder, cache] = process.argv.slice(2)
const part = (name) => import(new URL(name, pathToFileURL(folder + '/')))

const fetch = createRequire(folder + '/package.json')('node-fetch')
const suites = [
  ...(await part('tests/index.mjs')).default,
  (await part('tests/surrogate-control.mjs')).default,
  more,
]
const { getResults, runTests } = await part('client/runner.mjs')
await runTests(suites, fetch, false, cache)

const results = getResults()
const cases = suites.flatMap((suite) =>
  suite.tests
    .filter((test) => test.id in results)
    .map((test) => ({
      suite: suite.id,
      id: test.id,
      kind: test.kind ?? 'required',
      name: test.name,
      depends_on: test.depends_on ?? [],
      wrong: results[test.id] === true ? '' : results[test.id].join(': '),
    })),
)
// Connections that are kept alive would keep it running; exit() drops what a pipe has not taken yet.
process.stdout.write(JSON.stringify(cases) + '\n', () => process.exit(0))
