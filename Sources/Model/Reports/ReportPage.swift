import Files

/// The frame of all reports: one file without scripts and links that prints well, and well-formed XML.
enum ReportPage {
  /// - Parameter body: the page's content as HTML
  static func html(title: String, _ body: String) -> String {
    """
    <!DOCTYPE html>
    <html xmlns="http://www.w3.org/1999/xhtml" lang="en">
    <head>
    <meta charset="utf-8"/>
    \(OwnMark.html)
    <meta name="viewport" content="width=device-width, initial-scale=1"/>
    <title>\(Markup.escaped(title))</title>
    <style>
    \(style)
    </style>
    </head>
    <body>
    <main>
    \(body)</main>
    </body>
    </html>

    """
  }

  private static let style = """
    :root { color-scheme: light dark;
      --ground: #f6f6f4; --card: #ffffff; --ink: #1d2023; --soft: #6b7178; --rule: #e2e3e1; --warn: #8a5a00;
      --warn-ground: #fdf3dc; }
    @media (prefers-color-scheme: dark) { :root {
      --ground: #17191b; --card: #202326; --ink: #e8e8e6; --soft: #979da4; --rule: #34383c; --warn: #f0c670;
      --warn-ground: #3a2f18; } }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--ground); color: var(--ink);
      font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif;
      font-variant-numeric: tabular-nums; }
    main { max-width: 1240px; margin: 0 auto; padding: 36px 28px 56px; }
    h1 { font-size: 27px; line-height: 1.25; font-weight: 650; letter-spacing: -0.012em; margin: 0 0 20px;
      overflow-wrap: anywhere; }
    h2 { font-size: 13px; font-weight: 650; letter-spacing: 0.05em; text-transform: uppercase;
      color: var(--soft); margin: 38px 0 12px; }
    figure { margin: 0; }
    .remark { color: var(--soft); font-size: 13px; }
    .tiles { display: flex; flex-wrap: wrap; gap: 12px; }
    .tile { flex: 1 1 170px; background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
      padding: 12px 16px; display: flex; flex-direction: column; }
    .tile .name { font-size: 13px; color: var(--soft); }
    .tile .value { font-size: 25px; font-weight: 620; letter-spacing: -0.01em; line-height: 1.3; }
    .warnings { margin: 18px 0 0; padding: 10px 16px 10px 34px; border-radius: 10px; color: var(--warn);
      background: var(--warn-ground); }
    .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); gap: 16px; }
    .figures figure { background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
      padding: 14px 14px 8px; min-width: 0; }
    .figures figcaption { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 10px;
      padding: 0 4px 6px; }
    .heading { font-weight: 620; }
    .legend { margin-left: auto; display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 13px; }
    .key b { font-weight: 620; }
    .swatch { display: inline-block; width: 14px; height: 3px; border-radius: 2px; margin-right: 6px;
      vertical-align: middle; }
    .chart { display: block; width: 100%; height: auto; }
    .chart text { font-size: 12px; fill: var(--soft); }
    .chart .none { font-size: 14px; }
    .chart .note { fill: var(--ink); stroke: var(--card); stroke-width: 4px; stroke-linejoin: round;
      paint-order: stroke; }
    .chart .grid { stroke: var(--rule); stroke-width: 1; }
    .chart .tick { stroke: var(--soft); stroke-width: 1; }
    .chart .reference { stroke: var(--ink); stroke-width: 1.2; stroke-dasharray: 5 4; opacity: 0.7; }
    .chart .mark { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 2 4; }
    .chart .best { stroke: var(--card); stroke-width: 2; }
    .chart path { fill: none; stroke-linecap: round; stroke-linejoin: round; }
    .chart .raw { stroke-width: 2.6; opacity: 0.3; }
    .chart .line { stroke-width: 2; }
    .values { margin-top: 16px; width: max(min(100%, 460px), calc(50% - 8px)); }
    .values td, .values thead th { text-align: right; }
    .values thead th { border-top: none; font-size: 13px; }
    .strip { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; overflow: hidden; }
    .strip img { display: block; width: 100%; height: auto; }
    .strip figcaption { padding: 7px 14px; display: flex; gap: 10px; align-items: baseline; }
    .strip .columns { display: flex; padding: 7px 0; font-size: 13px; color: var(--soft); }
    .strip .columns i { flex: 1; text-align: center; font-style: normal; }
    .latest { display: grid; gap: 16px;
      grid-template-columns: repeat(auto-fit, minmax(min(100%, 560px), 1fr)); }
    .earlier { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); gap: 12px;
      max-height: 640px; overflow-y: auto; }
    .earlier .strip { font-size: 13px; }
    .earlier .strip figcaption { padding: 5px 12px; }
    .tables { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); gap: 16px;
      align-items: start; }
    table { width: 100%; border-collapse: collapse; background: var(--card); border: 1px solid var(--rule);
      border-radius: 10px; border-spacing: 0; overflow: hidden; font-size: 14px; }
    caption { text-align: left; font-weight: 620; padding: 0 0 6px 2px; }
    th, td { padding: 6px 14px; text-align: left; vertical-align: top; border-top: 1px solid var(--rule); }
    th { font-weight: 400; color: var(--soft); white-space: nowrap; }
    td { overflow-wrap: anywhere; }
    .wide { overflow-x: auto; }
    .figures-table { margin-bottom: 12px; white-space: nowrap; font-size: 12px; }
    .figures-table td, .figures-table th { padding: 6px 6px; }
    .figures-table thead th { white-space: normal; vertical-align: bottom; }
    .figures-table td:not(:first-child), .figures-table th:not(:first-child) { text-align: right; }
    @media print {
      :root { --ground: #ffffff; --card: #ffffff; --ink: #000000; --soft: #555555; --rule: #cccccc; }
      body { font-size: 12px; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
      main { max-width: none; padding: 0; }
      figure, table, .tile { break-inside: avoid; }
      h2 { break-after: avoid; }
      .earlier { max-height: none; overflow: visible; grid-template-columns: repeat(3, 1fr); }
      .figures { grid-template-columns: 1fr 1fr; }
    }
    """
}
