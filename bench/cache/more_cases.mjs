// Our own cases, in the suite's form, for what the version in npm leaves out or has by the older RFC 7234:
// targeted fields (RFC 9213), Age (RFC 9111 §5.1), stale-while-revalidate (RFC 5861), must-understand,
// and what becomes of a stale answer that must not be used.

const HOUR = 'max-age=3600'

// A first answer, and three seconds later the same request again.
function asked (id, kind, name, headers, expected, { first = {}, second = {} } = {}) {
  return {
    id,
    kind,
    name,
    requests: [
      { response_headers: headers, setup: true, pause_after: true, ...first },
      { expected_type: expected, ...second },
    ],
  }
}

function targeted (id, kind, value, expected, others = []) {
  const headers = [['CDN-Cache-Control', value, false], ...others]
  return asked(`our-cdn-${id}`, kind, `CDN-Cache-Control: ${value}`, headers, expected)
}

function aged (id, values, expected, fresh = HOUR) {
  const headers = [['Date', 0], ['Cache-Control', fresh], ...values.map((v) => ['Age', v, false])]
  return asked(`our-age-${id}`, 'required', `Age: ${values.join(' and ')}`, headers, expected)
}

function closed (directive) {
  return {
    id: `our-closed-${directive}`,
    kind: 'required',
    name: `nothing stale instead of no answer, with ${directive}`,
    requests: [
      { response_headers: [['Cache-Control', `max-age=2, ${directive}`]], setup: true, pause_after: true },
      {
        disconnect: true,
        expected_status: 502,
        check_body: false,
        expected_response_headers_missing: ['server-request-count'],
      },
    ],
  }
}

const FRESH = [['Cache-Control', 'max-age=9000'], ['Expires', 9000], ['Date', 0]]
const tests = [
  targeted('fresh', 'optimal', HOUR, 'cached'),
  targeted('2-to-31', 'optimal', 'max-age=2147483648', 'cached'),
  targeted('11-digits', 'optimal', 'max-age=99999999999', 'cached'),
  targeted('extension', 'optimal', `other, ${HOUR}`, 'cached'),
  targeted('past-expires', 'optimal', HOUR, 'cached', [['Expires', -9000], ['Date', 0]]),
  targeted('invalid-expires', 'optimal', HOUR, 'cached', [['Expires', '0', false], ['Date', 0]]),
  targeted('over-shorter', 'optimal', HOUR, 'cached', [['Cache-Control', 'max-age=1']]),
  targeted('over-no-store', 'required', HOUR, 'cached', [['Cache-Control', 'no-store']]),
  targeted('over-longer', 'required', 'max-age=1', 'not_cached', [['Cache-Control', HOUR]]),
  targeted('zero', 'required', 'max-age=0', 'not_cached'),
  targeted('zero-and-expires', 'required', 'max-age=0', 'not_cached', [['Expires', 9000], ['Date', 0]]),
  targeted('older', 'required', HOUR, 'not_cached', [['Date', 0], ['Age', '7200']]),
  targeted('private', 'required', 'private', 'not_cached', FRESH),
  targeted('no-cache', 'required', 'no-cache', 'not_cached', FRESH),
  targeted('no-store', 'required', 'no-store', 'not_cached', FRESH),
  targeted('unreadable', 'required', `${HOUR}, &&&&&`, 'not_cached', [['Cache-Control', 'no-store']]),
  targeted('text', 'required', 'max-age="3600"', 'not_cached', [['Cache-Control', 'no-store']]),
  aged('word', ['abc'], 'cached'),
  aged('negative', ['-7200'], 'cached'),
  aged('fraction', ['7200.0'], 'cached'),
  aged('below-2-to-31', ['2147483647'], 'not_cached'),
  aged('2-to-31', ['2147483648'], 'not_cached'),
  aged('over-2-to-31', ['2147483649'], 'not_cached'),
  aged('old-first', ['7200, 0'], 'not_cached'),
  aged('young-first', ['0, 7200'], 'cached'),
  aged('old-line-first', ['7200', '0'], 'not_cached'),
  aged('young-line-first', ['0', '7200'], 'cached'),
  aged('zero-twice', ['0, 0'], 'cached'),
  aged('zero-on-two-lines', ['0', '0'], 'cached'),
  aged('twice', ['3600', '3600'], 'cached', 'max-age=9000'),
  ...['must-revalidate', 'proxy-revalidate', 'no-cache', 's-maxage=2'].map(closed),
  asked('our-swr', 'optimal', 'stale while it is validated',
    [['Cache-Control', 'max-age=1, stale-while-revalidate=3600'], ['ETag', '"a"']], 'cached'),
  {
    id: 'our-swr-ends',
    kind: 'required',
    name: 'stale no longer than the answer allows',
    requests: [
      {
        setup: true,
        pause_after: true,
        response_headers: [['Cache-Control', 'max-age=1, stale-while-revalidate=4'], ['ETag', '"a"']],
      },
      {
        setup: true,
        pause_after: true,
        response_headers: [['Cache-Control', 'no-cache', false], ['ETag', '"b"', false]],
        expected_type: 'cached',
      },
      { expected_response_headers: [['client-request-count', '3']] },
    ],
  },
  ...[[200, 'OK', 'optimal', 'cached'], [599, 'Other', 'required', 'not_cached']].map(
    ([status, phrase, kind, expected]) =>
      asked(`our-must-understand-${status}`, kind, `${status} with no-store, must-understand`,
        [['Cache-Control', `${HOUR}, no-store, must-understand`]], expected,
        { first: { response_status: [status, phrase] } }),
  ),
]

export default { id: 'more', name: 'Our own cases', tests }
