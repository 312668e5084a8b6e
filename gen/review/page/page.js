'use strict';
(function () {
  var form = document.querySelector('form.search');
  var input = document.getElementById('q');
  var found = document.getElementById('found');
  var rows = Array.prototype.slice.call(document.querySelectorAll('[data-row]'));
  var folded = Array.prototype.slice.call(document.querySelectorAll('details'));
  var texts = null, before = null;
  form.hidden = false;
  form.addEventListener('submit', function (e) { e.preventDefault(); });

  // A row is found if it has all words. Rows are hidden, and what is folded is opened
  // around those that are found.
  function search() {
    var words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    texts = texts || rows.map(function (r) { return r.textContent.toLowerCase(); });
    before = before || folded.map(function (d) { return d.open; });
    var n = 0;
    folded.forEach(function (d, i) { d.open = words.length ? false : before[i]; });
    rows.forEach(function (r, i) {
      var hit = words.every(function (w) { return texts[i].indexOf(w) >= 0; });
      r.hidden = !hit;
      if (!hit || !words.length) return;
      n++;
      for (var p = r; p; p = p.parentElement) if (p.tagName === 'DETAILS') p.open = true;
    });
    document.body.classList.toggle('searching', words.length > 0);
    found.textContent = words.length ? n + (n === 1 ? ' place' : ' places') : '';
    if (!words.length) before = null;
  }
  var timer;
  input.addEventListener('input', function () { clearTimeout(timer); timer = setTimeout(search, 80); });

  // A link to a list opens it. So does printing, and closes it again.
  function reveal() {
    var at = location.hash && document.getElementById(location.hash.slice(1));
    for (; at; at = at.parentElement) if (at.tagName === 'DETAILS') at.open = true;
  }
  addEventListener('hashchange', reveal);
  reveal();
  var opened = [];
  addEventListener('beforeprint', function () {
    opened = folded.filter(function (d) { return !d.open; });
    opened.forEach(function (d) { d.open = true; });
  });
  addEventListener('afterprint', function () { opened.forEach(function (d) { d.open = false; }); });
})();
