"""The model file: contract, metadata, the session that runs its graph, HOG where it has none, execution providers.

May import: errors, files, record, estimate and `filter.shapes` beside it. What settings the file's tracker has,
`metadata` asks of `kinds`; the contract itself is plain records.
"""
