"""Clients in the company's console and in the operators' (T12, O7): one set of pages, two frames.

``console`` says where a page stands and who asks, ``form`` reads and fills the form, ``pages`` and
``changes`` draw and carry out, ``trial`` is the test sign-in. The routes are in
``web.admin.clients`` and ``web.operator.clients``; ``people.client_desk`` decides who may what.
"""
